package sockets

import (
	"math"
	"testing"
	"time"
)

// at is a slot with so many open, accepted and waiting connections.
func at(open, accepted uint64, queue int) sample {
	return sample{Owner: Owner{Open: open, Accepted: accepted}, queue: queue}
}

func looks(t *testing.T, all ...map[int]sample) (b balance) {
	t.Helper()
	for _, now := range all {
		b.look(now, lookEvery)
	}
	return b
}

func wantWeights(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.005 {
			t.Errorf("%s: weights %.3f, want %.3f", what, got, want)
			return
		}
	}
}

func TestWeightsLevelWhatIsThere(t *testing.T) {
	all := []int{0, 1, 2, 3}
	var nothing balance
	wantWeights(t, "at first", nothing.weights(all), []float64{0.25, 0.25, 0.25, 0.25})
	b := looks(t, map[int]sample{0: at(0, 0, 0), 1: at(125, 0, 0), 2: at(250, 0, 0), 3: at(250, 0, 0)})
	wantWeights(t, "after churn", b.weights(all), []float64{2. / 3, 1. / 3, 0, 0})
	b = looks(t, map[int]sample{0: at(0, 0, 250), 1: at(125, 0, 0), 2: at(250, 0, 0), 3: at(250, 0, 0)})
	wantWeights(t, "with a queue", b.weights(all), []float64{0, 1, 0, 0})
	b = looks(t, map[int]sample{0: at(10, 0, 0), 1: at(10, 0, 0)}, map[int]sample{0: at(60, 50, 0), 1: at(60, 50, 0)})
	wantWeights(t, "among two in a flood", b.weights([]int{0, 1}), []float64{0.5, 0.5})
	for _, active := range [][]int{{0}, {3, 1}, {1, 7, 0}} {
		sum := 0.0
		for _, w := range b.weights(active) {
			sum += w
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("weights of %v sum up to %g", active, sum)
		}
	}
}

func TestAStalledTenantIsSpared(t *testing.T) {
	both := []int{0, 1}
	short := []map[int]sample{
		{0: at(8, 100, 0), 1: at(8, 100, 0)},
		{0: at(8, 150, 1), 1: at(8, 150, 1)}, // as many have ended
		{0: at(8, 150, 9), 1: at(8, 200, 1)},
		{0: at(8, 150, 19), 1: at(8, 250, 1)},
	}
	b := looks(t, short...)
	wantWeights(t, "slot 0 has stopped", b.weights(both), []float64{0, 1})
	b.look(map[int]sample{0: at(8, 160, 0), 1: at(8, 250, 9)}, lookEvery)
	b.look(map[int]sample{0: at(8, 170, 0), 1: at(8, 250, 9)}, lookEvery)
	if w := b.weights(both); w[0] < 0.9 {
		t.Errorf("it accepts again, and the other has stopped: weights %.3f", w)
	}
	for range 3 {
		b.look(map[int]sample{0: at(8, 170, 9), 1: at(8, 250, 9)}, lookEvery)
	}
	wantWeights(t, "both have stopped", b.weights(both), []float64{0.5, 0.5})

	// Of connections that stay none are sent elsewhere so soon.
	long := []map[int]sample{{0: at(0, 0, 0), 1: at(0, 0, 0)}, {0: at(10, 10, 0), 1: at(10, 10, 0)}}
	b = looks(t, long...)
	for waited := lookEvery; waited <= stallLong; waited += lookEvery {
		b.look(map[int]sample{0: at(10, 10, 9), 1: at(10+uint64(waited/lookEvery), 10+uint64(waited/lookEvery), 0)}, lookEvery)
		if spared := b.weights(both)[0] == 0; spared != (waited >= stallLong) {
			t.Errorf("stopped for %s while connections stay: spared is %v", waited, spared)
		}
	}
}

func TestALateLookTellsNoMore(t *testing.T) {
	b := looks(t, map[int]sample{0: at(10, 10, 5)})
	now := map[int]sample{0: at(10, 10, 9)}
	if !b.look(now, time.Second) || now[0].still > lookEvery {
		t.Errorf("stopped for %s by two looks", now[0].still)
	}
	if b.look(map[int]sample{0: at(10, 10, 0)}, lookEvery); b.look(map[int]sample{0: at(10, 10, 0)}, lookEvery) {
		t.Error("nothing has happened, and yet something has")
	}
}
