package runtime

import (
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

// spoken is a request of a protocol with a type of content.
type spoken struct {
	listener.Exchange
	proto, kind string
}

func (x spoken) Proto() string               { return x.proto }
func (x spoken) RequestHeader(string) string { return x.kind }

func TestStreamsOfRPCAreConversations(t *testing.T) {
	for x, want := range map[spoken]bool{
		{proto: "HTTP/2.0", kind: "application/grpc"}:          true,
		{proto: "HTTP/2.0", kind: "application/grpc+proto"}:    true,
		{proto: "HTTP/3.0", kind: "application/connect+json"}:  true,
		{proto: "HTTP/2.0", kind: "application/json"}:          false,
		{proto: "HTTP/1.1", kind: "application/grpc"}:          false,
		{proto: "HTTP/2.0", kind: ""}:                          false,
		{proto: "HTTP/2.0", kind: "multipart/form-data; x=y"}:  false,
		{proto: "HTTP/3.0", kind: "application/octet-stream"}:  false,
		{proto: "HTTP/2.0", kind: "text/application/grpc-web"}: false,
	} {
		if got := conversation(x); got != want {
			t.Errorf("%s %q: %v", x.proto, x.kind, got)
		}
	}
}
