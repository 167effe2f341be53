//go:build unix

package runtime_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// backend echoes what it is asked, and counts its connections.
func backend(t *testing.T) (url string, connections *atomic.Int64) {
	connections = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fail":
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, "no coffee")
		case "/large":
			fmt.Fprint(w, strings.Repeat("x", 1000))
		case "/around":
			http.Redirect(w, r, "/around", http.StatusFound)
		case "/once":
			http.Redirect(w, r, "/echo", http.StatusFound)
		case "/slow":
			<-r.Context().Done()
		default:
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL, r.Header.Get("X-Own"), r.Host[:3], body)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, connections
}

func TestNetworkClientAsks(t *testing.T) {
	url, connections := backend(t)
	client := program(t, runtime.ServerConfig{}).NetworkClient()
	headers := map[string]string{"X-Own": "mine", "Host": "abc.example"}
	for want, ask := range map[string]func() ([]byte, error){
		"GET /a?b=c mine abc ":  func() ([]byte, error) { return client.Get(url+"/a?b=c", headers) },
		"POST /a mine abc body": func() ([]byte, error) { return client.Post(url+"/a", []byte("body"), headers) },
		"PUT /a mine abc body":  func() ([]byte, error) { return client.Put(url+"/a", []byte("body"), headers) },
		"DELETE /a mine abc ":   func() ([]byte, error) { return client.Delete(url+"/a", headers) },
		"GET /echo  127 ":       func() ([]byte, error) { return client.Get(url+"/once", nil) },
	} {
		if got, err := ask(); string(got) != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for requests one after the other, want 1", n)
	}
	req, _ := http.NewRequest("PATCH", url+"/p", nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(body), "PATCH /p") {
		t.Errorf("Do got %q", body)
	}
}

func TestNetworkClientTellsWhatWentWrong(t *testing.T) {
	url, _ := backend(t)
	client := runtime.NewNetworkClient(runtime.NetworkClientConfig{
		Timeout: 200 * time.Millisecond, MaxResponseBytes: 100, MaxRedirects: 3,
	})
	_, err := client.Get(url+"/fail", nil)
	var status *runtime.StatusError
	if !errors.As(err, &status) || status.StatusCode != 418 || string(status.Body) != "no coffee" || !strings.Contains(err.Error(), "no coffee") {
		t.Errorf("status 418: %v", err)
	}
	if _, err := client.Get(url+"/large", nil); !errors.Is(err, runtime.ErrResponseTooLarge) {
		t.Errorf("1000 bytes where 100 are allowed: %v", err)
	}
	if _, err := client.Get(url+"/around", nil); err == nil || !strings.Contains(err.Error(), "more than 3 redirects") {
		t.Errorf("redirects without end: %v", err)
	}
	if _, err := client.Get(url+"/slow", nil); err == nil || !strings.Contains(err.Error(), "Timeout") {
		t.Errorf("a server that does not answer: %v", err)
	}
	if _, err := client.Get("http://127.0.0.1:1/", nil); err == nil {
		t.Error("nobody listens there")
	}
	if _, err := client.Get("::", nil); err == nil {
		t.Error("that is no URL")
	}
	none := runtime.NewNetworkClient(runtime.NetworkClientConfig{MaxRedirects: -1})
	req, _ := http.NewRequest("GET", url+"/once", nil)
	resp, err := none.Do(req)
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("with no redirects: %v, %v", resp, err)
	}
	resp.Body.Close()
}

func TestNetworkClientsMayReadWithoutABound(t *testing.T) {
	url, _ := backend(t)
	for _, bound := range []int64{-1, math.MaxInt64} {
		client := runtime.NewNetworkClient(runtime.NetworkClientConfig{MaxResponseBytes: bound})
		if got, err := client.Get(url+"/large", nil); len(got) != 1000 || err != nil {
			t.Errorf("MaxResponseBytes %d: %d bytes, %v; want 1000", bound, len(got), err)
		}
	}
}
