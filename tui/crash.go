package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"
)

// crash keeps the first panic of the cockpit, wherever it happened, until the
// terminal is in order again and it can be told.
type crash struct {
	mu    sync.Mutex
	value any
	stack []byte
	quit  func() // ends the program and does not block; set before anything can panic
}

// caught is deferred in every goroutine of ours and around Update and View.
func (c *crash) caught() {
	if v := recover(); v != nil {
		c.note(v)
	}
}

func (c *crash) note(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == nil {
		c.value, c.stack = v, debug.Stack()
	}
	if c.quit != nil {
		c.quit()
	}
}

// report writes the panic to a file and returns an error that names it, nil if
// there was no panic.
func (c *crash) report(dir func() (string, error), version string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == nil {
		return nil
	}
	text := fmt.Sprintf("rockstar-tui %s, %s\n\npanic: %v\n\n%s", version, time.Now().Format(time.RFC3339), c.value, c.stack)
	path, err := writeCrash(dir, text)
	if err != nil {
		return fmt.Errorf("the cockpit crashed: %v; the report could not be written: %w; listeners keep running", c.value, err)
	}
	return fmt.Errorf("the cockpit crashed: %v; report in %s; listeners keep running", c.value, path)
}

func writeCrash(dir func() (string, error), text string) (string, error) {
	cache, err := dir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "rockstar-tui")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(cache, "crash-"+time.Now().Format("20060102-150405")+"-*.txt")
	if err != nil {
		return "", err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return "", err
	}
	return f.Name(), f.Close()
}
