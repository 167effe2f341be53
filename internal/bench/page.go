//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
)

// page is the result as Markdown.
func (b *bench) page(ctx context.Context, r result) []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, `# Performance

Written by %s, which measures all servers in one run on loopback. It needs Linux with two cores and Debian's packages
wrk, nghttp2-client, nginx-light and haproxy. Caddy is built from its module, outside of this repository.
%s runs more rounds.

- Each figure is the CPU time per request of the server's processes, user and system, from /proc, divided by that of
  nginx in the same round: nginx = 1.00, lower is better. The tables show the median of %d rounds and their range in brackets.
- Each server has one core, with one worker or thread; the load (wrk, h2load, and quic-go's client for HTTP/3) and the backend
  share the other. A trial takes
  %v. The servers take turns, so other load on the machine affects all of them; on a busy machine single rounds
  differ by a third, so read the ratios and distrust small differences.
- All servers answer the same 13 bytes, serve the same files from the page cache and use the same backend, an nginx.

`, "`make bench`", "`go run ./internal/bench -rounds 9`", b.rounds, b.trial)
	b.machine(ctx, &w)
	b.cpuTable(&w, r)
	b.besideCaddy(&w, r)
	b.memoryTable(&w, r)
	b.watchingText(&w, r)
	fmt.Fprint(&w, profile)
	slices.Sort(b.notes)
	for _, note := range slices.Compact(b.notes) {
		fmt.Fprintf(&w, "\n%s\n", note)
	}
	return w.Bytes()
}

// profile is what perf showed when this was written.
const profile = `
## Where it goes

perf and counts of system calls explain the distance to nginx and HAProxy. Both were measured when this was written, on a machine
that was also doing other work:

- **respond, kept alive.** The kernel takes 67 % of the time: 46 % sending, which on loopback includes the receiving side of TCP,
  11 % receiving, the rest waiting. Go's runtime takes 10 % (putting goroutines to sleep and waking them), the HTTP engine 8 %,
  counters, limits and checks for malformed requests 8 %, clocks 1 %. A request is one recvfrom and one sendto, as in nginx.
  With 1000 connections, each brings its own stack and buffers, more than fit into the cache. An engine that runs to
  completion on shared buffers, as nginx and HAProxy do, only has to fetch the socket.
- **A connection per request.** Half of the time goes into accepting and closing. This takes eight system calls besides the
  poller's; nginx makes five. Go asks for both addresses and sets TCP_NODELAY; keep-alive is inherited from the listening socket.
- **proxy.** The kernel takes 66 %, Go's runtime 14 %, the HTTP engine 7 %, the pool 5 %, the listener 4 %. A request is four
  system calls; in nginx, five.
- **file of 100 KiB.** The header takes a system call and a packet of its own before sendfile.
- **HTTP/2 and HTTP/3** use net/http and quic-go; they have not been profiled again for this page.
`

func (b *bench) machine(ctx context.Context, w *bytes.Buffer) {
	fmt.Fprintf(w, "Machine: %s, %d CPUs, Linux %s, %s. Servers: ", cpuModel(), goruntime.NumCPU(), say1(ctx, "uname", "-r"), goruntime.Version())
	for i, p := range b.peers[1:] {
		if i > 0 {
			w.WriteString("; ")
		}
		version, _, _ := strings.Cut(p.version, " - ")
		w.WriteString(strings.TrimPrefix(version, "nginx version: "))
	}
	w.WriteString(".\n")
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return goruntime.GOARCH
}

func (b *bench) cpuTable(w *bytes.Buffer, r result) {
	w.WriteString("\n## CPU time per request\n\n| |")
	for _, p := range b.peers {
		fmt.Fprintf(w, " %s |", p.name)
	}
	w.WriteString(" nginx, µs |\n|---|")
	w.WriteString(strings.Repeat("---|", len(b.peers)+1) + "\n")
	for _, t := range trials {
		base := r.cpu[t.name][baseline]
		if len(base) == 0 || len(r.cpu[t.name][ours]) == 0 {
			continue
		}
		fmt.Fprintf(w, "| %s |", t.name)
		for _, p := range b.peers {
			fmt.Fprintf(w, " %s |", spread(ratios(r.cpu[t.name][p.name], base)))
		}
		fmt.Fprintf(w, " %.1f |\n", median(base)/1000)
	}
}

// besideCaddy is the same by the standard of another server written in Go.
func (b *bench) besideCaddy(w *bytes.Buffer, r result) {
	if b.caddy == "none" {
		return
	}
	w.WriteString("\n## Compared with Caddy\n\n")
	w.WriteString("Our CPU time divided by Caddy's in the same round. For HTTP/3, quic-go's client in this program makes the load for\nboth, because Debian's h2load does not speak HTTP/3.\n\n")
	w.WriteString("| | rockstar-tui / Caddy | Caddy, µs |\n|---|---|---|\n")
	for _, t := range trials {
		base := r.cpu[t.name]["Caddy"]
		if len(base) > 0 && t.kind != "file" {
			fmt.Fprintf(w, "| %s | %s | %.1f |\n", t.name, spread(ratios(r.cpu[t.name][ours], base)), median(base)/1000)
		}
	}
}

func (b *bench) watchingText(w *bytes.Buffer, r result) {
	if len(r.watching) == 0 {
		return
	}
	low, high := confidence(r.watching)
	fmt.Fprintf(w, "\n## Cost of watching\n\nCPU time per request of `respond` with 64 connections while one `status -w --json` is attached, divided by that of an\n"+
		"adjacent window of 10000 requests of the same process without it: median %.3f over %d pairs, 95 %% of the medians of\nresampled pairs lie between %.3f and %.3f.\n\n"+
		"Without any requests, the server itself uses %.2f ms of CPU time per second, including its sampling, and %.2f ms while\none is attached: %.2f %% of a core more.\n",
		median(r.watching), len(r.watching), low, high,
		r.own[0].Seconds()*1e3, r.own[1].Seconds()*1e3, (r.own[1]-r.own[0]).Seconds()*100)
}

// confidence is what lies between 2.5 and 97.5 of a hundred medians of v drawn
// anew with repetition.
func confidence(v []float64) (low, high float64) {
	medians := make([]float64, 2000)
	drawn := make([]float64, len(v))
	for i := range medians {
		for j := range drawn {
			drawn[j] = v[rand.IntN(len(v))]
		}
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	return medians[len(medians)/40], medians[len(medians)-1-len(medians)/40]
}

func (b *bench) memoryTable(w *bytes.Buffer, r result) {
	fmt.Fprintf(w, "\n## Memory of idle connections\n\n%d keep-alive connections that have sent one request each, %v after the last.\n\n", b.conns, settle)
	w.WriteString("| | KiB per connection | MiB in all |\n|---|---|---|\n")
	for _, p := range b.peers {
		fmt.Fprintf(w, "| %s | %.2f | %.1f |\n", p.name, r.memory[p.name], r.whole[p.name]/1024)
	}
}

// ratios of two series that were measured in the same rounds.
func ratios(a, b []float64) []float64 {
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, a[i]/b[i])
	}
	return all
}

// spread is the median and the range.
func spread(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	low, high := slices.Min(v), slices.Max(v)
	if low == high {
		return fmt.Sprintf("%.2f", low)
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", median(v), low, high)
}

// quartiles is the median and what half of the values lie between.
func quartiles(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(v))
	return fmt.Sprintf("%.3f (%.3f–%.3f)", median(v), sorted[len(sorted)/4], sorted[(len(sorted)-1)*3/4])
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
