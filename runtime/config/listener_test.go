package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

func TestAListenerMadeInCodeInheritsWhatItDoesNotSay(t *testing.T) {
	before, err := config.Parse("", []byte("version: 1\ndefaults: {timeouts: {idle: 7s}, limits: {max_connections: 5}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := config.NewListener("127.0.0.1:80")
	l.Timeouts.Read = config.Duration(10 * time.Second) // the default, but said
	l.Timeouts.Write = -1
	l.Limits.MaxRequestBytes = 1 << 20
	l.KeepAlive.Enabled = false
	l.Prefork.Workers = 3
	l.TLS = &config.TLS{CertFile: "/c", KeyFile: "/k"}
	after, err := before.WithListener("web", l)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Listeners) != 0 {
		t.Error("the config that it was made from has the listener, too")
	}
	want := `version: 1
defaults:
  timeouts: {idle: 7s}
  limits: {max_connections: 5}
listeners:
  web:
    address: "127.0.0.1:80"
    prefork: {workers: 3}
    timeouts: {read: 10s, write: 0s}
    keep_alive: {enabled: false}
    limits: {max_request_bytes: 1MiB}
    tls: {cert_file: /c, key_file: /k}
`
	if got := string(after.YAML()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	web := after.Listeners["web"]
	if web.Timeouts.Idle != config.Duration(7*time.Second) || web.Limits.MaxConnections != 5 || !web.Enabled || web.Protocol != "http" {
		t.Errorf("it does not inherit: %+v", web)
	}
}

func TestAListenerMadeInCodeIsChecked(t *testing.T) {
	for _, c := range []struct{ name, address, want string }{
		{"web", "80", `listeners.web.address: "80" has no port`},
		{"a b", ":80", `listeners."a b": `},
	} {
		if _, err := config.New().WithListener(c.name, config.NewListener(c.address)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %s: got %v, want %s", c.name, c.address, err, c.want)
		}
	}
}
