//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// victim picks a ready worker of a listener under load.
func (s *site) victim() (listener string, w control.WorkerInfo, err error) {
	name, r := pick(s, loaded...), s.rng.IntN(720720)
	l, err := s.listener(name)
	if err != nil {
		return "", w, err
	}
	var ready []control.WorkerInfo
	for _, w := range l.Workers {
		if w.State == control.WorkerReady && l.Prefork {
			ready = append(ready, w)
		}
	}
	if len(ready) == 0 {
		return name, w, errNobody
	}
	return name, ready[r%len(ready)], nil
}

var errNobody = errors.New("no worker is ready")

// killWorker kills a worker at once. Only what it had accepted may fail: it is
// stopped first, so that the kernel can tell which connections those are.
func (s *site) killWorker(ctx context.Context) error {
	name, w, err := s.victim()
	if errors.Is(err, errNobody) {
		return nil // it is in the master
	} else if err != nil {
		return err
	}
	var held []string
	if name == edge { // all QUIC connections of a worker share a socket
		held = s.listed(name, w)
	}
	if err := syscall.Kill(w.PID, syscall.SIGSTOP); err != nil {
		return nil // it has ended by itself meanwhile
	}
	awaitStopped(w.PID)
	if name != edge {
		held, err = peersOf(w.PID)
	}
	s.ledger.excuse(held)
	syscall.Kill(w.PID, syscall.SIGKILL)
	if err != nil {
		return err
	}
	return s.await(context.WithoutCancel(ctx), 30*time.Second, s.whole)
}

// awaitStopped waits until no thread of a process runs any more: the signal was
// only sent, and one on another CPU may still accept.
func awaitStopped(pid int) {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && !stopped(pid); {
		time.Sleep(100 * time.Microsecond)
	}
}

func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, name := range threads {
		text, _ := os.ReadFile(name)
		_, rest, _ := strings.Cut(string(text), ") ") // number, (name), state
		if !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return true
}

// listed are the clients' addresses of a worker's connections, as it says. It
// asks until two answers agree: what comes in just then would be missing.
func (s *site) listed(name string, w control.WorkerInfo) (peers []string) {
	for range 5 {
		page, err := s.control.Connections(context.Background(), control.Query{Listener: name, Worker: &w.ID, Limit: 10000})
		if err != nil {
			continue
		}
		before := len(peers)
		peers = peers[:0]
		for _, c := range page.Connections {
			peers = append(peers, c.Peer)
		}
		if len(peers) == before {
			break
		}
	}
	return peers
}

// peersOf are the far ends of the TCP connections that a stopped process holds.
func peersOf(pid int) ([]string, error) {
	sockets := map[string]bool{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		to, _ := os.Readlink(link)
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var peers []string
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			return peers, err
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || !sockets[fields[9]] {
				continue
			}
			if addr, ok := procAddress(fields[2]); ok {
				peers = append(peers, addr)
			}
		}
		file.Close()
	}
	return peers, nil
}

// procAddress reads an address as /proc/net/tcp writes it: the bytes of IPv4, or
// the last four of a mapped one, turned around.
func procAddress(text string) (string, bool) {
	host, port, ok := strings.Cut(text, ":")
	if !ok || len(host) < 8 {
		return "", false
	}
	ip, err1 := strconv.ParseUint(host[len(host)-8:], 16, 32)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if err1 != nil || err2 != nil || p == 0 {
		return "", false
	}
	return net.JoinHostPort(net.IPv4(byte(ip), byte(ip>>8), byte(ip>>16), byte(ip>>24)).String(), strconv.FormatUint(p, 10)), true
}

// pauseWorker stops a worker for a moment, as a page fault or a debugger would:
// its clients wait, and nothing may fail.
func (s *site) pauseWorker(ctx context.Context) error {
	d := time.Duration(50+s.rng.IntN(800)) * time.Millisecond
	_, w, err := s.victim()
	if errors.Is(err, errNobody) {
		return nil
	} else if err != nil {
		return err
	}
	if syscall.Kill(w.PID, syscall.SIGSTOP) != nil {
		return nil
	}
	time.Sleep(d)
	syscall.Kill(w.PID, syscall.SIGCONT)
	return nil
}
