package listener

import (
	"testing"
	"unsafe"
)

// TestAnAdmissionKeepsItsPlaces: the processes of a listener share one for as long as
// the listener serves, those of an earlier or a later program included. Unlike the
// scoreboard it does not tell where its numbers are, so each stays where it is; more
// may come behind them, if a program that finds none there can do without.
func TestAnAdmissionKeepsItsPlaces(t *testing.T) {
	var a Admission
	for name, at := range map[string][2]uintptr{
		"open":        {unsafe.Offsetof(a.open), 0},
		"due":         {unsafe.Offsetof(a.due), 8},
		"used":        {unsafe.Offsetof(a.used), 16},
		"places":      {unsafe.Offsetof(a.places), 24},
		"place.taken": {unsafe.Offsetof(a.places[0].taken), 0},
		"place.open":  {unsafe.Offsetof(a.places[0].open), 8},
		"place.idle":  {unsafe.Offsetof(a.places[0].idle), 16},
		"of a place":  {unsafe.Sizeof(a.places[0]), 24},
		"of all":      {unsafe.Sizeof(a), 24 + 512*24},
	} {
		if at[0] != at[1] {
			t.Errorf("%s: %d, in other programs %d", name, at[0], at[1])
		}
	}
}
