package serving_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// TestSettingsOfEarlierProgramsAreRead: the settings that a worker serves by tell a
// master of another version what to go on with. Nothing in them may be lost or get
// another meaning.
func TestSettingsOfEarlierProgramsAreRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var s serving.Settings
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var was, is any
		if json.Unmarshal(text, &was) != nil || json.Unmarshal(s.Encode(), &is) != nil {
			t.Fatalf("%s is no JSON", path)
		}
		wantAllOf(t, path, was, is)
	}
}

// wantAllOf checks that all that was there is there; there may be more.
func wantAllOf(t *testing.T, at string, was, is any) {
	t.Helper()
	from, ok := was.(map[string]any)
	to, also := is.(map[string]any)
	if !ok || !also {
		if !reflect.DeepEqual(was, is) {
			t.Errorf("%s: was %v, is %v", at, was, is)
		}
		return
	}
	for key, value := range from {
		wantAllOf(t, at+": "+key, value, to[key])
	}
}

func TestSettingsMeanWhatTheyMeant(t *testing.T) {
	var web, streams serving.Settings
	for path, s := range map[string]*serving.Settings{"web": &web, "streams": &streams} {
		text, err := os.ReadFile("testdata/5b955e8/" + path + ".json")
		if err == nil {
			err = json.Unmarshal(text, s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	l := web.Listener
	if l.Timeouts.Idle != config.Duration(33*time.Second) || l.Limits.MinRate.Rate != 300 || l.Prefork.Recycle.MaxMemory != 512<<20 ||
		l.Limits.MaxConnections != 7000 || len(l.Routes) != 4 || web.Cells["api/b"] != 1 || web.Pools["api"].Backends["b"].Weight != 2 || web.BoardFormat != 0 {
		t.Errorf("web: %+v", web)
	}
	if tls := streams.TLS; tls == nil || string(tls.Cert) != "CERTIFICATE" || string(tls.Key) != "PRIVATE KEY" || len(tls.Tickets) == 0 || tls.Tickets[0][31] != 1 {
		t.Errorf("streams: %+v", streams.TLS)
	}
}
