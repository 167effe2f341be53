//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// peer is a server whose reloads are measured.
type peer struct {
	name string
	// version it says it is, and the command that reloads it.
	version, command string
	start            func(at peerPlace, workers int) (peerServer, error)
}

// peerPlace is where a peer may live.
type peerPlace struct {
	dir  string
	port int
}

func (at peerPlace) address() string { return fmt.Sprintf("127.0.0.1:%d", at.port) }

// peerServer is a running peer.
type peerServer interface {
	// reload replaces all workers by so many; it returns once that is asked for.
	reload(workers int) error
	stop()
}

// Loops of reloads: how many workers each of them asks for.
var loops = []struct {
	name    string
	workers [2]int // in turn
}{
	{"reload, 4 workers", [2]int{4, 4}},
	{"resize, 4 ↔ 1 workers", [2]int{4, 1}},
}

// peerResult is one peer under one loop.
type peerResult struct {
	Peer     string                `json:"peer"`
	Loop     string                `json:"loop"`
	Reloads  int                   `json:"reloads"`
	Failed   int                   `json:"failed"`
	Kinds    map[string]*kindCount `json:"clients"`
	Failures []failure             `json:"failures"`
}

// comparePeers runs every peer under every loop and prints a table.
func comparePeers(ctx context.Context, o options, w io.Writer) error {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755) // workers of nginx give up their rights
	peers, err := findPeers(ctx, o, dir)
	if err != nil {
		return err
	}
	var results []peerResult
	for _, loop := range loops {
		for _, p := range peers {
			if !chosen(p.name, o.peer) && o.peer != "all" {
				continue
			}
			say("%s: %s", p.name, loop.name)
			r, err := p.measure(ctx, o, dir, loop.workers)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			r.Loop = loop.name
			results = append(results, r)
		}
	}
	if o.json {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(results)
	}
	printPeers(w, peers, results)
	return nil
}

// measure runs one peer under one loop of reloads.
func (p *peer) measure(ctx context.Context, o options, dir string, workers [2]int) (peerResult, error) {
	at := peerPlace{}
	var err error
	if at.port, err = freePort(rand.New(rand.NewPCG(rand.Uint64(), 0))); err != nil {
		return peerResult{}, err
	}
	if at.dir, err = os.MkdirTemp(dir, "peer"); err != nil {
		return peerResult{}, err
	}
	os.Chmod(at.dir, 0o755)
	server, err := p.start(at, workers[0])
	if err != nil {
		return peerResult{}, err
	}
	defer server.stop()
	if err := answers(ctx, at.address()); err != nil {
		return peerResult{}, err
	}
	o.clients = "short,keep-alive"
	s := &site{options: o, plain: true, ledger: newLedger(o.verbose), versions: new(versions), certs: new(versions),
		targets: map[string]*target{web: {address: at.address()}}}
	loadCtx, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	load := startClients(loadCtx, s)
	reloads, err := reloadLoop(ctx, o, s.ledger, server, workers)
	stopLoad()
	load.Wait()
	report := s.ledger.report()
	_, failed := report.failed()
	return peerResult{Peer: p.name, Reloads: reloads, Failed: failed, Kinds: report.Kinds, Failures: report.Failures}, err
}

// answers waits until somebody serves there.
func answers(ctx context.Context, address string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

// reloadLoop reloads at an even pace.
func reloadLoop(ctx context.Context, o options, l *ledger, server peerServer, workers [2]int) (n int, err error) {
	tick := time.NewTicker(o.perPeer / time.Duration(max(1, o.rounds)))
	defer tick.Stop()
	for ; n < o.rounds; n++ {
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-tick.C:
		}
		l.during("reload", func() error { err = server.reload(workers[(n+1)%2]); return err })
		if err != nil {
			return n, err
		}
	}
	<-tick.C // the last one has its time, too
	return n, nil
}

func printPeers(w io.Writer, peers []*peer, results []peerResult) {
	fmt.Fprintln(w, "| server | loop | reloads | short: answered | failed | keep-alive: answered | failed | closed idle | causes |")
	fmt.Fprintln(w, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
	for _, r := range results {
		failed, causes := map[string]int{}, map[string]int{}
		for _, f := range r.Failures {
			failed[f.Kind] += f.Count
			causes[f.Cause] += f.Count
		}
		var list []string
		for _, c := range slices.Sorted(maps.Keys(causes)) {
			list = append(list, fmt.Sprintf("%d × %s", causes[c], c))
		}
		short, kept := r.Kinds["short"], r.Kinds["keep-alive"]
		fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d | %d | %s |\n", r.Peer, r.Loop, r.Reloads, short.Requests, failed["short"],
			kept.Requests, failed["keep-alive"], kept.IdleClosed, strings.Join(list, ", "))
	}
	fmt.Fprintln(w)
	for _, p := range peers {
		fmt.Fprintf(w, "- %s: %s; reload: %s\n", p.name, p.version, p.command)
	}
}

// config writes a file of a peer.
func (at peerPlace) config(name, text string) (path string, err error) {
	path = filepath.Join(at.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}
