package cli_test

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

func TestConfigInitWritesAValidConfigAndNeverOverwrites(t *testing.T) {
	p := newProgram()
	file := filepath.Join(t.TempDir(), "my.yaml")
	if code := p.run(t, "config", "init", file); code != 0 {
		t.Fatalf("exit code %d, stderr %s", code, &p.stderr)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if code := p.run(t, "config", "validate", file); code != 0 || !strings.Contains(p.stdout.String(), "1 listener") {
		t.Errorf("exit code %d, stdout %s, stderr %s; want what init wrote to be valid", code, &p.stdout, &p.stderr)
	}
	if code := p.run(t, "config", "init", file); code != 1 || !strings.Contains(p.stderr.String(), "exists") {
		t.Errorf("exit code %d, stderr %s; want 1, because the file exists", code, &p.stderr)
	}
	p.run(t, "config", "init")
	modeline, rest, _ := strings.Cut(string(written), "\n")
	if p.stdout.String() != rest || modeline != "# yaml-language-server: $schema=my.schema.json" {
		t.Errorf("init without a file does not print what it writes to one below %q", modeline)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "my.schema.json")); err != nil {
		t.Error("the schema that the first line names is not there:", err)
	}
	p.run(t, "config", "init", "--json")
	oneDocument(t, p.stdout.Bytes())
}

func TestExplainSaysWhatAKeyMeansAndHowItChanges(t *testing.T) {
	p := newProgram()
	if code := p.run(t, "config", "explain", "listeners.web.prefork.workers"); code != 0 {
		t.Fatalf("exit code %d, stderr %s", code, &p.stderr)
	}
	for _, want := range []string{"listeners.*.prefork.workers", "Number of worker processes", "default        0", "live when there are more"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &p.stdout)
		}
	}
	p.run(t, "config", "explain", "--json")
	oneDocument(t, p.stdout.Bytes())
	if code := p.run(t, "config", "explain", "timeouts.idel"); code != 1 || !strings.Contains(p.stderr.String(), `did you mean "idle"?`) {
		t.Errorf("exit code %d, stderr %s", code, &p.stderr)
	}
	p.run(t, "config", "schema")
	oneDocument(t, p.stdout.Bytes())
}

func TestValidateNoticesTimeoutsOfAnotherMeaning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my.yaml")
	text := "version: 1\ndefaults: {timeouts: {read: 30s}}\nlisteners: {web: {address: \":0\", timeouts: {write: 1m}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram()
	if code := p.run(t, "config", "validate", file); code != 0 || strings.Count(p.stdout.String(), "notice: ") != 1 {
		t.Errorf("exit code %d, stdout %s; want it valid, and one notice", code, &p.stdout)
	}
	p.run(t, "config", "validate", file, "--json")
	if !strings.Contains(p.stdout.String(), `"path": "defaults.timeouts.read"`) {
		t.Errorf("the JSON has no notice: %s", &p.stdout)
	}
}

func TestValidateFindsItsFile(t *testing.T) {
	p := newProgram()
	good := filepath.Join(t.TempDir(), "good.yaml")
	if err := os.WriteFile(good, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := p.run(t, "config", "validate", "-c", good, "--json"); code != 0 {
		t.Errorf("-c: exit code %d, stderr %s", code, &p.stderr)
	}
	var v struct{ Valid bool }
	if err := json.Unmarshal(p.stdout.Bytes(), &v); err != nil || !v.Valid {
		t.Errorf("got %s, %v; want valid: true", &p.stdout, err)
	}
	p.env["ROCKSTAR_CONFIG"] = good
	if code := p.run(t, "config", "validate"); code != 0 {
		t.Errorf("ROCKSTAR_CONFIG: exit code %d, stderr %s", code, &p.stderr)
	}
	p.Stdin = strings.NewReader("version: 2\nnonsense: 1\n")
	if code := p.run(t, "config", "validate", "-"); code != 78 || !strings.Contains(p.stderr.String(), "-:2:1: nonsense: ") {
		t.Errorf("standard input: exit code %d, stderr %s; want 78 and the place", code, &p.stderr)
	}
}

func TestConfigCertMakesAPairAndNeverOverwrites(t *testing.T) {
	p, dir := newProgram(), t.TempDir()
	if code := p.run(t, "config", "cert", "--host", "example.test", "--host", "10.0.0.1", dir); code != 0 {
		t.Fatalf("exit code %d, stderr %s", code, &p.stderr)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"example.test", "10.0.0.1"} {
		if err := pair.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "key.pem")); err != nil || goruntime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", info.Mode(), err)
	}
	if code := p.run(t, "config", "cert", dir); code != 1 || !strings.Contains(p.stderr.String(), "exists") {
		t.Errorf("exit code %d, stderr %s; want 1, because the files exist", code, &p.stderr)
	}
	if code := p.run(t, "config", "cert", "--json", t.TempDir()); code != 0 {
		t.Errorf("exit code %d, stderr %s", code, &p.stderr)
	}
	oneDocument(t, p.stdout.Bytes())
}
