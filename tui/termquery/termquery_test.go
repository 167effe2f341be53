package termquery_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/tui/termquery"
)

const probe = "TEST_TERMQUERY_PROBE"

func TestMain(m *testing.M) {
	if os.Getenv(probe) == "" {
		os.Exit(m.Run())
	}
	before := os.Getenv("CI")
	termquery.Restore()
	after, present := os.LookupEnv("CI")
	println(before, "|", after, "|", present)
}

func TestVariableIsSetDuringTheStartAndThenAsItWas(t *testing.T) {
	for _, tt := range []struct {
		env  []string
		want string
	}{
		{nil, "1 |  | false"},
		{[]string{"CI="}, "1 |  | true"},
		{[]string{"CI=yes"}, "yes | yes | true"},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append([]string{probe + "=1", "GORACE=atexit_sleep_ms=10"}, tt.env...)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != tt.want {
			t.Errorf("with %v: %q, %v; want %q", tt.env, got, err, tt.want)
		}
	}
}
