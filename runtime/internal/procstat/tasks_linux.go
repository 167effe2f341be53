package procstat

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// taskLimit is a bound on processes and threads together, as the system counts them.
type taskLimit struct {
	name      string // of the bound, for a person
	max, used uint64
}

func (l taskLimit) free() uint64 { return l.max - min(l.max, l.used) }

// tightestTaskLimit is the bound that leaves the least; ok is false where none
// is known.
func tightestTaskLimit() (tightest taskLimit, ok bool) {
	for _, l := range append(cgroupTaskLimits(), userTaskLimit(), hostTaskLimit()) {
		if l.max > 0 && (!ok || l.free() < tightest.free()) {
			tightest, ok = l, true
		}
	}
	return tightest, ok
}

// cgroupTaskLimits are those of this process's control group and the groups
// above it, of version 1 or 2.
func cgroupTaskLimits() (out []taskLimit) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root := ""
		switch {
		case parts[0] == "0" && parts[1] == "":
			root = "/sys/fs/cgroup"
		case strings.Contains(","+parts[1]+",", ",pids,"):
			root = "/sys/fs/cgroup/pids"
		default:
			continue
		}
		for dir := filepath.Join(root, parts[2]); strings.HasPrefix(dir, root); dir = filepath.Dir(dir) {
			top, limited := readNumber(filepath.Join(dir, "pids.max"))
			if used, known := readNumber(filepath.Join(dir, "pids.current")); limited && known {
				out = append(out, taskLimit{"pids.max of " + dir, top, used})
			}
		}
	}
	return out
}

// userTaskLimit is RLIMIT_NPROC, which root is not bound by.
func userTaskLimit() taskLimit {
	var r unix.Rlimit
	if os.Getuid() == 0 || unix.Getrlimit(unix.RLIMIT_NPROC, &r) != nil || r.Cur > 1<<30 {
		return taskLimit{}
	}
	return taskLimit{"the limit of processes of this user (ulimit -u, LimitNPROC=)", r.Cur, tasksOf(os.Getuid())}
}

// tasksOf counts the threads of all processes of a user.
func tasksOf(uid int) (n uint64) {
	all, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		owner, threads := "", ""
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			if f := strings.Fields(lines.Text()); len(f) > 1 && f[0] == "Uid:" {
				owner = f[1]
			} else if len(f) > 1 && f[0] == "Threads:" {
				threads = f[1]
			}
		}
		if owner == strconv.Itoa(uid) {
			count, _ := strconv.ParseUint(threads, 10, 64)
			n += count
		}
	}
	return n
}

// hostTaskLimit is the lower one of those of the whole system.
func hostTaskLimit() taskLimit {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 4 {
		return taskLimit{}
	}
	_, all, _ := strings.Cut(fields[3], "/")
	used, err := strconv.ParseUint(all, 10, 64)
	if err != nil {
		return taskLimit{}
	}
	lowest := taskLimit{}
	for _, name := range []string{"kernel.threads-max", "kernel.pid_max"} {
		top, ok := readNumber("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		if ok && (lowest.max == 0 || cmp.Less(top, lowest.max)) {
			lowest = taskLimit{name, top, used}
		}
	}
	return lowest
}

// readNumber reads a file that holds a number; "max" is none.
func readNumber(path string) (n uint64, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// String says how much is in use.
func (l taskLimit) String() string {
	return fmt.Sprintf("%s is %d, and %d are in use", l.name, l.max, l.used)
}

// blocking returns what keeps a thread in a system call until release is called.
func blocking() (wait, release, done func(), err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, nil, err
	}
	wait = func() { unix.Read(fds[0], make([]byte, 1)) }
	release = func() { unix.Close(fds[1]) } // every read ends
	done = func() { unix.Close(fds[0]) }
	return wait, release, done, nil
}
