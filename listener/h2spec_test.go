package listener_test

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

// TestH2spec runs h2spec, the program that the environment names, against a
// server of each kind; "make h2spec" gets it.
func TestH2spec(t *testing.T) {
	program := os.Getenv("H2SPEC")
	if program == "" {
		t.Skip("H2SPEC does not name the program; make h2spec does")
	}
	for name, start := range map[string]func(testing.TB, listener.Limits, listener.Handler) *endpoint{"tls": startH2, "h2c": startH2C} {
		t.Run(name, func(t *testing.T) {
			e := start(t, keepAlive, hello)
			host, port, err := net.SplitHostPort(e.addr)
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"-h", host, "-p", port, "--strict", "-o", "5"}
			if name == "tls" {
				args = append(args, "-t", "-k")
			}
			out, _ := exec.CommandContext(t.Context(), program, args...).CombinedOutput() // exits with 1 if anything failed
			t.Logf("%s", out)
			if passed := passedOf(out); passed < leastPassed {
				t.Errorf("%d cases passed in strict mode, want at least %d", passed, leastPassed)
			}
		})
	}
}

// leastPassed of 146. Three fail by decisions of net/http: a request with a
// field of a connection, or a TE other than trailers, is answered with 400
// instead of a reset stream, and settings that say something twice end the
// connection. One more is for a busy machine: the program takes an answer that
// comes late for none.
const leastPassed = 142

var summary = regexp.MustCompile(`\d+ tests, (\d+) passed`)

func passedOf(out []byte) int {
	found := summary.FindSubmatch(out)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}
