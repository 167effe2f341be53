package words_test

import (
	"testing"

	"github.com/echterhof/rockstar-tui/internal/words"
)

func TestCount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int
		noun string
		want string
	}{
		{0, "worker", "0 workers"}, {1, "worker", "1 worker"}, {2, "worker", "2 workers"},
		{1, "process", "1 process"}, {3, "process", "3 processes"}, {2, "box", "2 boxes"},
	} {
		if got := words.Count(tt.n, tt.noun); got != tt.want {
			t.Errorf("%d %s: %q, want %q", tt.n, tt.noun, got, tt.want)
		}
	}
}

func TestNearestAllowsAMistakeInThreeLetters(t *testing.T) {
	t.Parallel()
	known := []string{"read", "write", "idle", "listeners", "Max_Connections"}
	for word, want := range map[string]string{
		"raed": "read", "wirte": "write", "reed": "read", "idel": "idle", "listners": "listeners", "READ": "read",
		"max_conections": "Max_Connections", "": "", "x": "", "shutdown": "", "id": "",
	} {
		if got := words.Nearest(word, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
