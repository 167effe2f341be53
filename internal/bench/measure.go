//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

type bench struct {
	options
	dir   string
	peers []*peer

	notes []string
}

// series are the results of one trial, by server, one value per round.
type series map[string][]float64

// result of everything.
type result struct {
	cpu      map[string]series // nanoseconds per request, by trial
	memory   map[string]float64
	whole    map[string]float64
	watching []float64        // watched over unwatched
	own      [2]time.Duration // per second, without requests, unwatched and watched
}

func (b *bench) measure(ctx context.Context) ([]byte, error) {
	backend, err := b.start(ctx, b.peer(baseline), loadCore, 0, false)
	if err != nil {
		return nil, err
	}
	defer backend.stop()
	r := result{cpu: map[string]series{}, memory: map[string]float64{}, whole: map[string]float64{}}
	if err := b.measureCPU(ctx, &r, backend.clear); err != nil {
		return nil, err
	}
	if err := b.measureMemory(ctx, &r, backend.clear); err != nil {
		return nil, err
	}
	return b.page(ctx, r), nil
}

// wanted says whether a trial is to be run.
func (b *bench) wanted(name string) bool {
	return b.only == "" || slices.ContainsFunc(strings.Fields(b.only), func(word string) bool { return strings.Contains(name, word) })
}

func (b *bench) peer(name string) *peer {
	return b.peers[slices.IndexFunc(b.peers, func(p *peer) bool { return p.name == name })]
}

func (b *bench) measureCPU(ctx context.Context, r *result, backend int) error {
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for _, p := range b.peers {
		s, err := b.start(ctx, p, serverCore, backend, true)
		if err != nil {
			b.notes = append(b.notes, fmt.Sprintf("%s did not start with TLS and was measured without.", p.name))
			if s, err = b.start(ctx, p, serverCore, backend, false); err != nil {
				return err
			}
		}
		servers = append(servers, s)
	}
	for _, t := range trials {
		r.cpu[t.name] = series{}
	}
	turns := slices.DeleteFunc(slices.Clone(trials), func(t trial) bool { return !b.wanted(t.name) })
	for round := range b.rounds {
		say("round %d of %d", round+1, b.rounds)
		for _, t := range turns {
			b.turn(ctx, t, servers, round, r)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	b.compare(turns, r)
	if !b.wanted("watching") {
		return nil
	}
	return b.measureWatching(ctx, r, servers[0])
}

// compare says how the program stands to the one beside it and to nginx.
func (b *bench) compare(turns []trial, r *result) {
	other := b.peers[len(b.peers)-1].name
	for _, t := range turns {
		mine := r.cpu[t.name][ours]
		say("%-40s %s of nginx", t.name, quartiles(ratios(mine, r.cpu[t.name][baseline])))
		if b.beside != "" {
			say("%-40s %s of %s", "", quartiles(ratios(mine, r.cpu[t.name][other])), other)
		}
	}
}

// turn lets every server have its turn at a trial, each round in another order.
func (b *bench) turn(ctx context.Context, t trial, servers []*server, round int, r *result) {
	for i := range servers {
		s := servers[(i+round)%len(servers)]
		if !s.has(t) || t.tls && s.tls == 0 {
			continue
		}
		cost, err := t.load(ctx, s, b.trial)
		if err != nil {
			b.notes = append(b.notes, fmt.Sprintf("%s failed at %s.", s.name, t.name))
			say("%v", err)
			continue
		}
		say("  %-40s %-14s %v", t.name, s.name, cost)
		r.cpu[t.name][s.name] = append(r.cpu[t.name][s.name], float64(cost))
	}
}

// windows is how many pairs of windows a round has.
const windows = 16

// measureWatching compares neighbouring windows of the same server with and
// without a watcher, the one first as often as the other; and what the server
// takes for itself when nobody asks it anything, which is the sampling, with
// what it takes when it is watched.
func (b *bench) measureWatching(ctx context.Context, r *result, s *server) error {
	for i := range windows * b.rounds {
		var cost [2]time.Duration
		for j := range 2 {
			watched := (i + j) % 2
			var err error
			if cost[watched], err = b.watched(ctx, s, watched == 1, s.window); err != nil {
				return err
			}
		}
		r.watching = append(r.watching, float64(cost[1])/float64(cost[0]))
	}
	for watched := range 2 {
		cost, err := b.watched(ctx, s, watched == 1, s.idle)
		if err != nil {
			return err
		}
		r.own[watched] = cost
	}
	return nil
}

// watched measures with a watcher or without one.
func (b *bench) watched(ctx context.Context, s *server, on bool, measure func(context.Context) (time.Duration, error)) (time.Duration, error) {
	if on {
		stop, err := s.watch(ctx)
		if err != nil {
			return 0, err
		}
		defer stop()
	}
	return measure(ctx)
}

func (b *bench) measureMemory(ctx context.Context, r *result, backend int) error {
	if !b.wanted("memory") {
		return nil
	}
	for _, p := range b.peers {
		s, err := b.start(ctx, p, serverCore, backend, false)
		if err != nil {
			return err
		}
		r.memory[p.name], r.whole[p.name], err = s.hold(ctx, b.conns)
		s.stop()
		if err != nil {
			return err
		}
		say("  %d idle connections: %s %.2f KiB each", b.conns, p.name, r.memory[p.name])
	}
	return nil
}
