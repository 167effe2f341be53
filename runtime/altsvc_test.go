package runtime

import "testing"

func TestAlternativesAreAnnouncedAndWithdrawn(t *testing.T) {
	var a alternative
	for _, c := range []struct {
		port int
		want string
	}{{0, ""}, {443, `h3=":443"; ma=3600`}, {8443, `h3=":8443"; ma=3600`}, {0, "clear"}, {0, "clear"}, {443, `h3=":443"; ma=3600`}} {
		a.set(c.port)
		if got := a.header(); got != c.want {
			t.Errorf("at port %d: %q, want %q", c.port, got, c.want)
		}
	}
}
