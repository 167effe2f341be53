package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// hang makes whoever opens the file wait, as a network file system does whose
// server has gone away, until the end of the test: a lease of the kernel for
// writers does that, for 45 seconds by default.
func hang(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETSIG, int(unix.SIGURG)); err != nil {
		t.Skip("no leases here: ", err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
		if err == nil {
			return
		}
		if time.Now().After(end) { // a watcher has it open now and then
			t.Skip("no leases here: ", err)
		}
	}
}

// kmsg puts in the place of the file what can be opened and then blocks, a
// regular file at that.
func kmsg(t *testing.T, path string) {
	t.Helper()
	if f, err := os.Open("/proc/kmsg"); err != nil {
		t.Skip("it takes root: ", err)
	} else {
		f.Close()
	}
	if err := os.Symlink("/proc/kmsg", path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// soon fails the test unless f returns within a few seconds.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(4 * time.Second):
		t.Fatalf("%s waits for a file that cannot be read", what)
	}
}

func TestAConfigFileThatHangsHoldsNobodyUp(t *testing.T) {
	for name, hang := range map[string]func(*testing.T, string){"open": hang, "read": kmsg} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rockstar.yaml")
			writeFile(t, path, inProcess)
			app, err := runtime.Open(t.Context(), runtime.Options{ConfigPath: path})
			if err != nil {
				t.Fatal(err)
			}
			hang(t, path)
			var reloads sync.WaitGroup
			for range 2 {
				reloads.Go(func() { app.Reload(t.Context()) })
			}
			go app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.timeouts.read=9s"), Persist: true})
			time.Sleep(100 * time.Millisecond) // they may as well not have begun
			soon(t, "a snapshot", func() { info(t, app, "web") })
			soon(t, "a change", func() { set(t, app, "listeners.web.timeouts.idle=11s") })
			soon(t, "the end", func() { app.Shutdown(context.Background()) })
			soon(t, "a reload under way", reloads.Wait)
		})
	}
}

// The certificate in use hangs, and another one that a change asks for.
func TestACertificateThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	cert, key, _ := pair(t)
	other, otherKey, _ := pair(t)
	cfg, err := config.Parse("test.yaml", []byte(secure("http2", cert, key, 0, "")))
	if err != nil {
		t.Fatal(err)
	}
	app, err := runtime.Open(t.Context(), runtime.Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	hang(t, cert)
	hang(t, other)
	ended := make(chan error, 1)
	go func() {
		_, err := app.Apply(t.Context(), control.Change{Patch: patch(
			"listeners.web.tls.cert_file="+other, "listeners.web.tls.key_file="+otherKey)})
		ended <- err
	}()
	// The files of certificates are looked at once a second.
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		soon(t, "a snapshot", func() { info(t, app, "web") })
		soon(t, "a plan", func() {
			if _, err := app.Plan(t.Context(), control.Change{Patch: patch("listeners.web.timeouts.idle=12s")}); err != nil {
				t.Error(err)
			}
		})
		soon(t, "a change", func() { set(t, app, "listeners.web.timeouts.idle=11s") })
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), other+" did not answer in time") {
		t.Errorf("the change to a certificate that hangs: %v, want a refusal that names %s", err, other)
	}
	soon(t, "the end", func() { app.Shutdown(context.Background()) })
}

// blackhole is an address whose connections are never accepted.
func blackhole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address // its queue is full
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("connections are accepted without end")
	return ""
}

func TestATrialEndsInTimeWhilePlansWaitForBackends(t *testing.T) {
	t.Parallel()
	app := open(t, inProcess)
	hole := blackhole(t)
	text := inProcess + "pools:\n  p:\n    backends: {a: {url: \"http://" + hole + "\"}}\n"
	try(t, app, time.Second, nil, "listeners.web.timeouts.idle=11s")
	until := time.Now().Add(time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	var plans sync.WaitGroup
	for range 8 {
		plans.Go(func() {
			for ctx.Err() == nil {
				app.Plan(ctx, control.Change{Config: text})
			}
		})
	}
	awaitStatus(t, app, "taken back", noTrial)
	late := time.Since(until)
	cancel()
	plans.Wait()
	if late > 2*time.Second {
		t.Errorf("the trial was taken back %s late", late)
	}
}

// A certificate is renewed while somebody changes something, and the one who asked
// for it does not wait for that.
func TestARenewedCertificateIsNotLostWhileSomethingChanges(t *testing.T) {
	cert, key, _ := pair(t)
	app, _ := openFile(t, secure("http2", cert, key, 0, ""))
	address := info(t, app, "web").Address
	first := serial(t, address)
	goOn, done := hold(t, app)
	newCert, newKey, _ := pair(t)
	copyFile(t, newCert, cert)
	copyFile(t, newKey, key)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if _, err := app.Reload(ctx); err == nil {
			t.Error("a reload has ended while somebody else changes something")
		}
		cancel()
	}
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Events {
		if strings.Contains(e.Message, "a new certificate is served") {
			t.Errorf("told before it is true: %s", e.Message)
		}
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	await(t, app, "web", "the new pair is served", func(control.ListenerInfo) bool { return serial(t, address) != first })
	awaitEvent(t, app, "web: a new certificate is served")
}

// Who reloads after replacing a certificate waits no longer than for any change.
func TestAReloadThatRenewsIsToldForWhomItWaits(t *testing.T) {
	defer runtime.SetChangeWait(50 * time.Millisecond)()
	cert, key, _ := pair(t)
	app, _ := openFile(t, secure("http2", cert, key, 0, ""))
	goOn, done := hold(t, app)
	newCert, newKey, _ := pair(t)
	copyFile(t, newCert, cert)
	copyFile(t, newKey, key)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if _, err := app.Reload(ctx); !errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), "alice has been changing something since") {
		t.Errorf("a reload behind a change: %v, want a conflict that names alice", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// hold has a change under way until goOn is closed.
func hold(t *testing.T, app *runtime.App) (goOn chan bool, done chan error) {
	t.Helper()
	reached, once := make(chan bool), sync.Once{}
	goOn, done = make(chan bool), make(chan error, 1)
	runtime.SetFailpoint(func(step string) {
		if step == "prepared" {
			once.Do(func() { close(reached); <-goOn })
		}
	})
	t.Cleanup(func() { runtime.SetFailpoint(func(string) {}) })
	go func() {
		_, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.timeouts.idle=11s"), Actor: "alice"})
		done <- err
	}()
	<-reached
	return goOn, done
}

// A change that does not come to its end is left behind by the end of the
// runtime, and brings nothing up any more.
func TestTheEndDoesNotWaitForAChange(t *testing.T) {
	cfg, err := config.Parse("test.yaml", []byte(inProcess))
	if err != nil {
		t.Fatal(err)
	}
	app, err := runtime.Open(t.Context(), runtime.Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	goOn, reached := make(chan bool), make(chan bool)
	var once sync.Once
	runtime.SetFailpoint(func(step string) {
		if step == "prepared" {
			once.Do(func() { close(reached); <-goOn })
		}
	})
	t.Cleanup(func() { runtime.SetFailpoint(func(string) {}) })
	done := make(chan error, 1)
	go func() {
		_, err := app.Apply(t.Context(), control.Change{Config: inProcess + "  late:\n    address: " + address + "\n    routes: [{match: /, respond: {body: late}}]\n"})
		done <- err
	}()
	<-reached
	soon(t, "the end", func() { app.Shutdown(context.Background()) })
	close(goOn)
	if err := <-done; err == nil {
		t.Error("a change was made after the end")
	}
	if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		c.Close()
		t.Error("a listener of a change that came after the end accepts")
	}
}
