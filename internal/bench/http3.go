//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// h2load of Debian speaks no HTTP/3, so this program is its own load for that:
// started again as "bench http3 URL CONNECTIONS STREAMS SECONDS" it sends
// requests by the client of quic-go and prints how many were answered, and how
// many were not.
const http3Word = "http3"

type http3Result struct{ Succeeded, Failed int64 }

// isHTTP3Load says whether this process is to be the load.
func isHTTP3Load() bool { return len(os.Args) == 6 && os.Args[1] == http3Word }

func http3Load(url string, numbers ...string) error {
	var n [3]int
	for i, text := range numbers {
		var err error
		if n[i], err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("load of HTTP/3: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(n[2])*time.Second)
	defer cancel()
	var succeeded, failed atomic.Int64
	var all sync.WaitGroup
	for range n[0] {
		transport := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // of our own making, see cert.go
		defer transport.Close()
		for range n[1] {
			all.Go(func() {
				for ctx.Err() == nil {
					if err := http3Get(ctx, transport, url); err == nil {
						succeeded.Add(1)
					} else if ctx.Err() == nil {
						failed.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(http3Result{succeeded.Load(), failed.Load()})
}

func http3Get(ctx context.Context, transport *http3.Transport, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err == nil && (resp.StatusCode != http.StatusOK || string(body) != greeting) {
		err = fmt.Errorf("status %d, %q", resp.StatusCode, body)
	}
	return err
}
