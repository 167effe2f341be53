package listener_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// TestH2spec runs h2spec, in strict mode, against a server of each kind. It
// builds the program unless the environment names it, as "make h2spec" does.
func TestH2spec(t *testing.T) {
	program := os.Getenv("H2SPEC")
	if program == "" {
		program = buildH2spec(t)
	}
	for name, start := range map[string]func(testing.TB, listener.Limits, listener.Handler) *endpoint{"tls": startH2, "h2c": startH2C} {
		t.Run(name, func(t *testing.T) {
			e := start(t, keepAlive, helloAtTheEnd)
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
			if total, passed := resultOf(out); total < leastCases || passed < total {
				t.Errorf("%d of %d cases passed in strict mode, want all of at least %d", passed, total, leastCases)
			}
		})
	}
}

const h2spec = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

func buildH2spec(t *testing.T) string {
	if testing.Short() {
		t.Skip("building and running h2spec takes ten seconds; not with -short")
	}
	dir := t.TempDir()
	build := exec.CommandContext(within(t, time.Minute), "go", "install", h2spec)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("h2spec cannot be built here: %v\n%s", err, out)
	}
	return filepath.Join(dir, "h2spec")
}

// helloAtTheEnd answers a whole request: some cases expect that the server is
// still listening to what is wrong with one, and an early answer ends the stream.
func helloAtTheEnd(x listener.Exchange) {
	io.Copy(io.Discard, x.Body())
	hello(x)
}

// leastCases is how many there were when this was written.
const leastCases = 146

var summary = regexp.MustCompile(`(\d+) tests, (\d+) passed`)

func resultOf(out []byte) (total, passed int) {
	if found := summary.FindSubmatch(out); found != nil {
		total, _ = strconv.Atoi(string(found[1]))
		passed, _ = strconv.Atoi(string(found[2]))
	}
	return total, passed
}
