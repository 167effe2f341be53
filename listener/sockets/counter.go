package sockets

import "sync/atomic"

// Counter is the kernel's count of the connections of one slot. The kernel adds
// each that it steers there, and who serves the slot takes it off at its end,
// without a system call. Nil is a count that nobody keeps.
type Counter struct {
	word *atomic.Int64
	of   *liveMemory // keeps it mapped
}

func (l *Counter) add(n int64) {
	if l != nil {
		l.word.Add(n)
	}
}

func (l *Counter) count() int64 { return l.word.Load() }

// Began counts a connection that came another way than by steering, and Ended
// takes off one that is over.
func (l *Counter) Began() { l.add(1) }
func (l *Counter) Ended() { l.add(-1) }
