package runtime_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/runtime"
)

// dripping is a body of random length that comes in pieces with pauses, and that
// cannot be sent a second time.
type dripping struct {
	left io.Reader
	sent int
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.sent > 0 && rand.IntN(4) == 0 {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	}
	n, err := d.left.Read(p[:min(len(p), 1+rand.IntN(8<<10))])
	d.sent += n
	return n, err
}

// postStream sends a body of random length and checks that all of it arrived.
func postStream(c *http.Client, url string) error {
	body := bytes.Repeat([]byte("0123456789"), rand.IntN(12<<10))
	req, err := http.NewRequest("POST", url, io.NopCloser(&dripping{left: bytes.NewReader(body)}))
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if want := fmt.Sprintf("%d %x", len(body), sha256.Sum256(body)); err == nil && (resp.StatusCode != 200 || string(got) != want) {
		err = fmt.Errorf("status %d, %q, want %q", resp.StatusCode, got, want)
	}
	return err
}

// streamClient is one of each protocol with multiplexed requests.
func streamClient(t *testing.T, protocol string, trust *tls.Config) *http.Client {
	if protocol == "http2" {
		return over2(trust)
	}
	transport := &http3.Transport{TLSClientConfig: trust.Clone()}
	t.Cleanup(func() { transport.Close() })
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// Requests whose bodies are under way when their worker is retired are answered.
func TestBodiesUnderWaySurviveResizeAndRestart(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
	}))
	t.Cleanup(backend.Close)
	for _, protocol := range []string{"http2", "quic"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			cert, key, trust := pair(t)
			app := open(t, secure(protocol, cert, key, 2, `      - {match: "POST /", proxy: {pool: api}}
pools: {api: {backends: {a: {url: '`+backend.URL+`'}}}}`))
			done, failures, stop := postStreams(t, app, protocol, trust)
			for range 2 {
				set(t, app, "listeners.web.prefork.workers=1")
				set(t, app, "listeners.web.prefork.workers=2")
				restart(t, app, 0)
				restart(t, app, 1)
				seen := done()
				for deadline := time.Now().Add(10 * time.Second); done() < seen+20 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
			}
			stop()
			for _, err := range failures() {
				t.Error(err)
			}
			if done() == 0 {
				t.Error("no body was answered")
			}
		})
	}
}

func postStreams(t *testing.T, app *runtime.App, protocol string, trust *tls.Config) (done func() int, failures func() []error, stop func()) {
	url := "https://" + info(t, app, "web").Address + "/"
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var clients sync.WaitGroup
	answered, unsent, failed := 0, 0, []error(nil)
	for range 3 {
		c := streamClient(t, protocol, trust)
		for range 4 {
			clients.Go(func() {
				for ctx.Err() == nil {
					err := postStream(c, url)
					mu.Lock()
					switch {
					case err == nil:
						answered++
					case neverSent(err):
						unsent++
					default:
						failed = append(failed, err)
					}
					mu.Unlock()
				}
			})
		}
	}
	done = func() int { mu.Lock(); defer mu.Unlock(); return answered }
	failures = func() []error { mu.Lock(); defer mu.Unlock(); return failed }
	return done, failures, func() {
		cancel()
		clients.Wait()
		t.Logf("%d bodies, %d given up by net/http's client before it sent any", answered, unsent)
	}
}

// neverSent reports an error of net/http's client, which gives up a body that it
// has begun to read, but sent nothing of, when the connection it had chosen was
// told to take no more requests.
func neverSent(err error) bool {
	return strings.Contains(err.Error(), "cannot rewind body after connection loss") || errors.Is(err, http3.ErrNoCachedConn)
}
