package httpsyntax_test

import (
	"net/http"
	"testing"

	"github.com/echterhof/rockstar-tui/internal/httpsyntax"
)

// The rules end where they should: one byte more or less is decided otherwise.
func TestTheEdgesOfTheRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target, host string
		ok           bool
	}{
		{"http://a", "", true}, {"http://a?q", "", true}, {"http://a/", "", true}, {"HTTPS://A/", "", true}, {"hTTp://Z", "", true},
		{"http://", "", false}, {"http:///x", "", false}, {"http://?q", "", false}, {"http://a#f", "", false}, {"ftp://a/", "", false},
		{"/%4", "", false}, {"/%41", "", true}, {"/%", "", false}, {"/a%4g", "", false}, {"/?%", "", true},
		{"/", "a:1", true}, {"/", "a:65535", true}, {"/", "a:655350", false}, {"/", "a:", true}, {"/", ":1", false}, {"/", "a:6x", false},
		{"/", "[::1]", true}, {"/", "[::1]:8080", true}, {"/", "[::1", false}, {"/", "[]", false}, {"/", "[::1]x", false}, {"/", "[12]", false},
	} {
		if got := httpsyntax.Refusal(http.MethodGet, tt.target, tt.host) == 0; got != tt.ok {
			t.Errorf("target %q, host %q: accepted %v, want %v", tt.target, tt.host, got, tt.ok)
		}
	}
}

func TestSameHostFoldsLettersAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"example.com", "EXAMPLE.com", true}, {"a", "A", true}, {"z", "Z", true}, {"a", "b", false}, {"a", "ab", false},
		{"@", "`", false}, {"[", "{", false}, {"1", "\x11", false}, // differ by the bit that tells cases apart
	} {
		if got := httpsyntax.SameHost(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
