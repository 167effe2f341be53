package judge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// client is an ordinary client of the target's protocol.
func (to target) client(t *testing.T) *http.Client {
	t.Helper()
	if to.protocol == h3 {
		transport := &http3.Transport{TLSClientConfig: to.trust.Clone(), DisableCompression: true}
		t.Cleanup(func() { transport.Close() })
		return &http.Client{Transport: transport, CheckRedirect: stay}
	}
	speaks := new(http.Protocols)
	speaks.SetHTTP1(to.one())
	speaks.SetHTTP2(to.protocol == h2)
	speaks.SetUnencryptedHTTP2(to.protocol == h2c)
	transport := &http.Transport{
		TLSClientConfig: to.trust.Clone(), Protocols: speaks, DisableCompression: true,
		ExpectContinueTimeout: patience,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: stay}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// send asks by an ordinary client, and returns what it got as lines. Its header
// is left out: the cases that use it are about bodies.
func (to target) send(t *testing.T, within time.Duration, method, path string, body io.Reader) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, to.url(path), body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := to.client(t).Do(req)
	if err != nil {
		return []string{"error " + err.Error()}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return answer{Status: resp.StatusCode, Body: string(content), End: fmt.Sprint("with ", err)}.lines()
}

// witness lets a handler tell its conversation what it saw.
type witness struct {
	mu   sync.Mutex
	told map[string]chan string
}

var saw = witness{told: map[string]chan string{}}

// of is the channel of a conversation, which it names in its query.
func (w *witness) of(id string) chan string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[id] == nil {
		w.told[id] = make(chan string, 10)
	}
	return w.told[id]
}

// tell notes what the handler of r saw.
func (w *witness) tell(r *http.Request, format string, args ...any) {
	w.of(r.URL.Query().Get("id")) <- fmt.Sprintf(format, args...)
}

// next is the next thing that the handler says, or that it says nothing.
func (w *witness) next(id string) string {
	select {
	case s := <-w.of(id):
		return s
	case <-time.After(patience):
		return "the handler says nothing"
	}
}

// unique names a conversation.
func unique(t *testing.T, to target) string {
	return strings.NewReplacer("/", "-", "#", "-", ".", "-").Replace(t.Name()) + "-" + strings.ReplaceAll(to.addr, ":", "-")
}
