//go:build go1.26 && !go1.27

package wire

import (
	"net"
	"reflect"
	"testing"
)

func TestPollerHandleIsWhereItWas(t *testing.T) {
	if !pollDescs.known {
		t.Error("net.TCPConn has changed: connections read in vain before they wait")
	}
	other := struct{ fd *net.TCPAddr }{fd: &net.TCPAddr{}}
	for _, conn := range []reflect.Type{reflect.TypeFor[struct{}](), reflect.TypeOf(other), reflect.TypeFor[net.Dialer]()} {
		if findPollDesc(conn).known {
			t.Errorf("a handle was found in %v", conn)
		}
	}
}
