package reaper

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// interval is how often this process looks for children that have ended. Its own
// are waited for at once, so whatever is found ended twice is another's.
const interval = 5 * time.Second

// Run reaps until ctx ends. It returns at once where this process inherits no
// children.
func Run(ctx context.Context) {
	if !inheritsChildren() {
		return
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var before map[int]bool
	for {
		ended := endedChildren()
		for pid := range ended {
			if before[pid] {
				unix.Wait4(pid, nil, unix.WNOHANG, nil) // or somebody was faster
			}
		}
		before = ended
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// inheritsChildren reports whether the children of processes that end become ours.
func inheritsChildren() bool {
	var subreaper int32
	if unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0) != nil {
		subreaper = 0
	}
	return os.Getpid() == 1 || subreaper != 0
}

// endedChildren are the children of this process that have ended and that nobody
// has waited for.
func endedChildren() map[int]bool {
	found := map[int]bool{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// Behind the name, which may hold anything: the state, and the parent.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[0]) == "Z" && string(fields[1]) == strconv.Itoa(os.Getpid()) {
			found[pid] = true
		}
	}
	return found
}
