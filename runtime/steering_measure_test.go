//go:build linux

package runtime_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// hashing is what the kernel does by itself, for comparison.
const hashing = "plain hashing"

// TestMeasureSteering writes the tables of docs/steering.md; see make steering.
func TestMeasureSteering(t *testing.T) {
	if what := os.Getenv(asClients); what != "" {
		clientsMain(t, what)
		return
	}
	if os.Getenv("STEERING") == "" {
		t.Skip("measures for a minute: set STEERING=1, or run make steering")
	}
	rounds := 5
	if os.Getenv("STEERING") == "tails" {
		rounds = 1
	}
	kinds := []string{hashing, "random", "weighted", "least_connections", "shared"}
	fmt.Println("\n| | 1,000 connections | after churn | after churn, in a burst |\n| --- | --- | --- | --- |")
	for _, kind := range kinds {
		var first, churned, burst []float64
		for range rounds {
			a, b := measureBalance(t, kind, 2000)
			_, c := measureBalance(t, kind, 0)
			first, churned, burst = append(first, a), append(churned, b), append(burst, c)
		}
		fmt.Printf("| %s | %.3f (%.3f) | %.3f (%.3f) | %.3f (%.3f) |\n", kind,
			median(first), slices.Max(first), median(churned), slices.Max(churned), median(burst), slices.Max(burst))
	}
	for _, clients := range []int{16, 64} {
		measureTails(t, kinds, clients)
	}
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// measured opens four workers steered so.
func measured(t *testing.T, kind string) *runtime.App {
	t.Helper()
	if kind != hashing {
		return steered(t, kind)
	}
	app := steered(t, "random")
	detach(t, info(t, app, "web").Address)
	return app
}

// detach takes the program off the group of listening sockets with this address,
// which belong to this process.
func detach(t *testing.T, address string) {
	t.Helper()
	for fd := range 4096 {
		listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil || listens == 0 {
			continue
		}
		at, err := unix.Getsockname(fd)
		in4, ok := at.(*unix.SockaddrInet4)
		if err == nil && ok && strings.HasSuffix(address, fmt.Sprintf(":%d", in4.Port)) {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no socket of this process listens on %s", address)
}

// measureBalance gives the coefficient of variation of connections per worker:
// of 1,000, and after all of one worker and half of another were closed and as
// many opened, at most so many a second; 0 is no bound.
func measureBalance(t *testing.T, kind string, rate int) (first, churned float64) {
	app := measured(t, kind)
	c := &crowd{rate: rate, address: info(t, app, "web").Address, conns: map[string]net.Conn{}}
	defer c.leave()
	c.enter(t, 1000)
	first = c.spread(t, app)
	page, err := app.Connections(t.Context(), control.Query{Listener: "web", Limit: 2000})
	if err != nil {
		t.Fatal(err)
	}
	half := int(info(t, app, "web").Workers[1].Connections.Idle / 2)
	closed := 0
	for _, o := range page.Connections {
		if o.Worker == 0 || o.Worker == 1 && half > 0 {
			if o.Worker == 1 {
				half--
			}
			c.conns[o.Peer].Close()
			delete(c.conns, o.Peer)
			closed++
		}
	}
	await(t, app, "web", "the rest", func(l control.ListenerInfo) bool { return int(l.Connections.Idle) == len(c.conns) })
	c.enter(t, closed)
	return first, c.spread(t, app)
}

// crowd are connections that stay.
type crowd struct {
	address string
	rate    int
	mu      sync.Mutex
	conns   map[string]net.Conn
}

func (c *crowd) enter(t *testing.T, n int) {
	const dialers = 32
	var wg sync.WaitGroup
	began := time.Now()
	for i := range dialers {
		wg.Go(func() {
			for k := i; k < n; k += dialers {
				if c.rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(k) * time.Second / time.Duration(c.rate))))
				}
				conn, err := net.DialTimeout("tcp", c.address, 10*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				c.mu.Lock()
				c.conns[conn.LocalAddr().String()] = conn
				c.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func (c *crowd) leave() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *crowd) spread(t *testing.T, app *runtime.App) float64 {
	l := await(t, app, "web", "all accepted", func(l control.ListenerInfo) bool { return int(l.Connections.Idle) == len(c.conns) })
	mean, squares := float64(len(c.conns))/float64(len(l.Workers)), 0.0
	for _, w := range l.Workers {
		squares += (float64(w.Connections.Idle) - mean) * (float64(w.Connections.Idle) - mean)
	}
	return math.Sqrt(squares/float64(len(l.Workers))) / mean
}

// measureTails has one worker stopped for 400 ms of every second, and each kind
// serve for two seconds in turn, three times.
func measureTails(t *testing.T, kinds []string, clients int) {
	apps, latencies := map[string]*runtime.App{}, map[string][]time.Duration{}
	for _, kind := range kinds {
		apps[kind] = measured(t, kind)
	}
	failed := map[string]int{}
	for range 3 {
		for _, kind := range kinds {
			all, n := underStops(t, apps[kind], clients, 2)
			latencies[kind] = append(latencies[kind], all...)
			failed[kind] += n
		}
	}
	fmt.Printf("\n| %d clients | answers/s | failed | p50 ms | p99 ms | p99.9 ms |\n| --- | --- | --- | --- | --- | --- |\n", clients)
	for _, kind := range kinds {
		all := latencies[kind]
		slices.Sort(all)
		at := func(p float64) float64 { return float64(all[int(p*float64(len(all)))].Microseconds()) / 1000 }
		fmt.Printf("| %s | %d | %d | %.1f | %.1f | %.1f |\n", kind, len(all)/6, failed[kind], at(0.5), at(0.99), at(0.999))
	}
}

// underStops runs clients in a process of their own, so that they do not take
// the master's time.
func underStops(t *testing.T, app *runtime.App, clients, seconds int) (latencies []time.Duration, failed int) {
	l := info(t, app, "web")
	cmd := exec.Command(os.Args[0], "-test.run=^TestMeasureSteering$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", asClients, l.Address, clients))
	var out bytes.Buffer
	cmd.Stdout = &out
	quit, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range seconds {
		time.Sleep(300 * time.Millisecond)
		syscall.Kill(l.Workers[0].PID, syscall.SIGSTOP)
		time.Sleep(400 * time.Millisecond)
		syscall.Kill(l.Workers[0].PID, syscall.SIGCONT)
		time.Sleep(300 * time.Millisecond)
	}
	quit.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var told struct {
		Latencies []time.Duration
		Failed    int
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		t.Fatal(err)
	}
	return told.Latencies, told.Failed
}

// asClients is set for the process of the clients: address and number.
const asClients = "STEERING_CLIENTS"

// clientsMain asks until standard input ends, and writes what it took.
func clientsMain(t *testing.T, what string) {
	var address string
	var clients int
	if _, err := fmt.Sscan(what, &address, &clients); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(end) }()
	var told struct {
		Latencies []time.Duration
		Failed    int
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			var own []time.Duration
			bad := 0
			for {
				select {
				case <-end:
					mu.Lock()
					told.Latencies, told.Failed = append(told.Latencies, own...), told.Failed+bad
					mu.Unlock()
					return
				default:
				}
				began := time.Now()
				if err := once(address); err != nil {
					bad++
				}
				own = append(own, time.Since(began))
			}
		})
	}
	wg.Wait()
	json.NewEncoder(os.Stdout).Encode(told)
}

// once asks on a connection of its own.
func once(address string) error {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		err = io.ErrUnexpectedEOF
	}
	return err
}
