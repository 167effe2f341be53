//go:build linux

// Command torture tries to make rockstar-tui drop something. It starts a
// runtime with a config of its own, puts raw clients on it that never retry, of
// every protocol, and meanwhile carries out operations in a random order: it
// resizes, restarts, reloads, moves and, if asked, kills. Every response is
// checked; whatever fails is counted by its cause and by the operation that was
// under way. It exits with 1 if anything failed that was not bound to.
//
// The order of operations follows from the seed, which is printed; the moments
// at which they meet the clients do not.
//
// With -peer it measures the same clients under a loop of reloads against nginx,
// HAProxy, a plain SO_REUSEPORT prefork and rockstar-tui. docs/torture.md has
// the figures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options of a run.
type options struct {
	time    time.Duration
	seed    uint64
	rate    int
	gap     time.Duration
	kills   bool
	loss    int
	only    string
	clients string
	program string
	json    bool
	verbose bool

	peer    string
	rounds  int
	perPeer time.Duration
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == plainWorker {
		runPlainWorker()
		return
	}
	o := parseOptions()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := begin(ctx, o)
	if err != nil {
		say("torture: %v", err)
		code = 2
	}
	os.Exit(code)
}

func parseOptions() options {
	var o options
	flag.DurationVar(&o.time, "time", time.Minute, "how long")
	flag.Uint64Var(&o.seed, "seed", 0, "of the operations; 0 takes one by chance and says which")
	flag.IntVar(&o.rate, "rate", 4000, "requests per second, all clients together; 0 is as many as go")
	flag.DurationVar(&o.gap, "gap", 300*time.Millisecond, "the longest pause between two operations")
	flag.BoolVar(&o.kills, "kills", false, "also SIGKILL and SIGSTOP workers")
	flag.IntVar(&o.loss, "loss", 0, "percent of the first packets of each connection that get lost, in a network namespace of its own; needs root and nft")
	flag.StringVar(&o.only, "only", "", "words; only operations whose name has one of them")
	flag.StringVar(&o.clients, "clients", "", "words; only kinds of clients whose name has one of them")
	flag.StringVar(&o.program, "program", "", "rockstar-tui binary; built if empty")
	flag.BoolVar(&o.json, "json", false, "print the report as JSON")
	flag.BoolVar(&o.verbose, "v", false, "tell each operation and each failure")
	flag.StringVar(&o.peer, "peer", "", "measure reloads of servers instead: all, or words out of their names")
	flag.IntVar(&o.rounds, "rounds", 30, "reloads of each peer")
	flag.DurationVar(&o.perPeer, "peertime", 20*time.Second, "at most so long for each peer and loop")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 1
	}
	return o
}

func begin(ctx context.Context, o options) (code int, err error) {
	if code, done, err := enterLoss(o); done || err != nil {
		return code, err
	}
	if o.peer != "" {
		return 0, comparePeers(ctx, o, os.Stdout)
	}
	r, err := torture(ctx, o)
	if err != nil {
		return 2, err
	}
	if o.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		r.print(os.Stdout)
	}
	if len(r.verdict()) > 0 {
		code = 1
	}
	return code, err
}

// torture is a whole run against a runtime of its own.
func torture(ctx context.Context, o options) (*report, error) {
	s, err := newSite(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	say("seed %d, %s, %s, log in %s", o.seed, o.time, s.version, s.dir)
	began := time.Now()
	loadCtx, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	load := startClients(loadCtx, s)
	opsCtx, stopOps := context.WithTimeout(ctx, o.time)
	defer stopOps()
	s.operate(opsCtx)
	stopLoad()
	load.Wait()
	r := s.ledger.report()
	r.Seed, r.Seconds, r.Version = o.seed, time.Since(began).Seconds(), s.version
	r.Notes = append(r.Notes, s.notes...)
	r.Notes = append(r.Notes, s.finish()...)
	return r, nil
}

// chosen reports whether a name has one of the words; all have if there are none.
func chosen(name, words string) bool {
	fields := strings.FieldsFunc(words, func(r rune) bool { return r == ',' || r == ' ' })
	for _, w := range fields {
		if strings.Contains(name, w) {
			return true
		}
	}
	return len(fields) == 0
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
