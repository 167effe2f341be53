//go:build unix

package runtime_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	goruntime "runtime"
	"strconv"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime"
)

// serveCode makes this process the worker of an App that a test made of Go code:
// the so manyth of its process. It never returns.
func serveCode(number int) {
	for range number - 1 {
		runtime.New(runtime.FrameworkConfig{})
	}
	app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		sayHello(app)
		err = app.Start("")
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// sayHello gives an App the routes that its workers have as well.
func sayHello(app *runtime.App) {
	app.Router().GET("/hello", func(ctx runtime.Context) error { return ctx.String(200, strconv.Itoa(os.Getpid())) })
}

func TestAnAppOfCodeMovesIntoWorkersUnderLoad(t *testing.T) {
	app := program(t, runtime.ServerConfig{Name: "web"})
	sayHello(app)
	base := serving(t, app)
	own := strconv.Itoa(os.Getpid())
	if _, body, _ := fetch(t, "GET", base+"/hello", ""); body != own {
		t.Errorf("in process, %q answers, not %s", body, own)
	}
	stop := load(t, app, 16)
	for _, workers := range []int{2, 4, 0, 3} {
		set(t, app, fmt.Sprintf("listeners.web.prefork.workers=%d", workers))
		await(t, app, "web", fmt.Sprint(workers, " workers"), workersReady(max(workers, 1)))
	}
	wantNoFailure(t, stop())
	if _, body, _ := fetch(t, "GET", base+"/hello", ""); body == own || body == "" {
		t.Errorf("with workers, %q answers", body)
	}
}

func TestPreforkFieldsOfServerConfig(t *testing.T) {
	for _, c := range []struct {
		set     runtime.ServerConfig
		workers int // 0 is in process
	}{
		{runtime.ServerConfig{EnablePrefork: true, PreforkWorkers: 3}, 3},
		{runtime.ServerConfig{EnablePrefork: true}, goruntime.NumCPU()},
		{runtime.ServerConfig{PreforkWorkers: 3}, 0},
	} {
		c.set.Name = "web"
		app := program(t, c.set)
		sayHello(app)
		base := serving(t, app)
		await(t, app, "web", fmt.Sprint(c.workers, " workers"), workersReady(max(c.workers, 1)))
		_, body, _ := fetch(t, "GET", base+"/hello", "")
		if inProcess := body == strconv.Itoa(os.Getpid()); inProcess != (c.workers == 0) {
			t.Errorf("%+v: process %s answers", c.set, body)
		}
	}
}

func TestProtocolAndTLSFieldsOfServerConfig(t *testing.T) {
	certFile, keyFile, trust := pair(t)
	for protocol, want := range map[string]string{"http": "HTTP/1.1", "http2": "HTTP/2.0", "quic": "HTTP/3.0"} {
		app := program(t, runtime.ServerConfig{Protocol: protocol, TLSCertFile: certFile, TLSKeyFile: keyFile})
		app.Router().GET("/proto", func(ctx runtime.Context) error { return ctx.String(200, ctx.Request().Proto) })
		serving(t, app)
		client := http.Client{Transport: transports(t, trust)[protocol]}
		if h1, ok := client.Transport.(*http.Transport); ok {
			h1.TLSClientConfig = trust.Clone()
		}
		resp, err := client.Get("https://" + app.Server().Addr().String() + "/proto")
		if err != nil {
			t.Errorf("%s: %v", protocol, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want {
			t.Errorf("%s: spoke %s, want %s", protocol, body, want)
		}
	}
}
