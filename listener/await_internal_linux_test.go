//go:build go1.26 && !go1.27

package listener

import (
	"net"
	"reflect"
	"testing"
)

func TestPollerHandleIsWhereItWas(t *testing.T) {
	if !pollDescs.known {
		t.Error("net.TCPConn has changed: connections read in vain before they wait")
	}
	type other = struct {
		fd *struct{ pfd struct{ Sysfd int } }
	}
	for _, conn := range []reflect.Type{reflect.TypeFor[struct{}](), reflect.TypeFor[other](), reflect.TypeFor[net.Dialer]()} {
		if findPollDesc(conn).known {
			t.Errorf("a handle was found in %v", conn)
		}
	}
}
