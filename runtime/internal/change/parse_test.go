package change

import (
	goruntime "runtime"
	"strings"
	"testing"
)

func TestWhatALargeConfigTookIsGivenBack(t *testing.T) {
	text := []byte("version: 1\nlisteners:\n" + strings.Repeat("- a\n", 500_000))
	if _, err := parseConfig("a.yaml", text); err == nil {
		t.Error("it was accepted")
	}
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	if kept := m.HeapIdle - m.HeapReleased; kept > 64<<20 {
		t.Errorf("%d MiB are kept that nobody uses", kept>>20)
	}
}
