package runtime_test

import (
	goruntime "runtime"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime"
)

func TestPlatformInfoIsThatOfThisSystem(t *testing.T) {
	p := runtime.GetPlatformInfo()
	if p.OS != goruntime.GOOS || p.Arch != goruntime.GOARCH || p.CPUs < 1 {
		t.Errorf("got %+v", p)
	}
	if want := goruntime.GOOS != "windows"; p.Prefork != want {
		t.Errorf("prefork: %v on %s", p.Prefork, p.OS)
	}
	if p.NumCPU != p.CPUs || p.SupportsPrefork != p.Prefork || p.SupportsReusePort != (goruntime.GOOS != "windows") {
		t.Errorf("got %+v", p)
	}
	if want := goruntime.GOOS == "linux"; p.SocketPerWorker != want {
		t.Errorf("socket per worker: %v on %s", p.SocketPerWorker, p.OS)
	}
}
