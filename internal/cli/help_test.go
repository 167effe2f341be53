package cli_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

var commands = []string{
	"", "serve", "attach", "upgrade", "shutdown", "status", "check", "listeners", "workers", "pools", "connections", "events", "start", "stop",
	"scale", "set", "unset", "restart", "drain", "reload", "plan", "plan set", "apply", "confirm", "rollback", "held", "held accept", "held reject", "config", "config validate", "config init", "config history", "config diff", "config rollback", "version", "completion",
}

func TestEveryCommandHasHelpThatFitsATerminal(t *testing.T) {
	for _, command := range commands {
		p := newProgram()
		if code := p.run(t, append(strings.Fields(command), "--help")...); code != 0 || p.stderr.Len() > 0 {
			t.Fatalf("%q: exit code %d, stderr %s", command, code, &p.stderr)
		}
		help := p.stdout.String()
		if !strings.Contains(help, "\nExamples:\n") || !strings.Contains(help, "--socket PATH") {
			t.Errorf("%q: no examples or no global flags in\n%s", command, help)
		}
		for line := range strings.SplitSeq(help, "\n") {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("%q: wider than 80 columns: %s", command, line)
			}
		}
	}
}

func TestTheHelpListsEveryCommand(t *testing.T) {
	p := newProgram()
	p.run(t, "help")
	for _, command := range commands[1:] {
		if !strings.Contains(command, " ") && !strings.Contains(p.stdout.String(), "\n  "+command+" ") {
			t.Errorf("%s is missing in\n%s", command, &p.stdout)
		}
	}
}

func TestNamesCompleteFromTheRuntime(t *testing.T) {
	p := on(t, controltest.NewFake(scene()))
	for _, tt := range []struct{ args, want, not string }{
		{"start ", "web", "--"},
		{"stop web ", "edge", "web"},
		{"scale ", "admin", "--"},
		{"workers web ", "", "edge"},
		{"set listeners.w", "listeners.web.timeouts.idle", "*"},
		{"set pools.", "pools.api.backends.b.weight", "*"},
		{"connections --listener ", "edge", "--"},
		{"connections --state ", "idle", "web"},
		{"completion ", "fish", "web"},
	} {
		args := append([]string{"__complete"}, strings.Split(tt.args, " ")...)
		p.run(t, args...)
		got := strings.Split(p.stdout.String(), "\n")
		if tt.want != "" && !contains(got, tt.want) || contains(got, tt.not) || strings.Contains(p.stdout.String(), "*") {
			t.Errorf("%q: got %q, want %q and not %q", tt.args, got, tt.want, tt.not)
		}
	}
}

func contains(lines []string, word string) bool {
	for _, line := range lines {
		if line == word {
			return true
		}
	}
	return false
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		p := newProgram()
		if code := p.run(t, "completion", shell); code != 0 || !strings.Contains(p.stdout.String(), "rockstar-tui") {
			t.Errorf("%s: exit code %d, %d bytes", shell, code, p.stdout.Len())
		}
	}
}

func TestCompletionPrintsNothingThatATerminalOrShellObeys(t *testing.T) {
	s := controltest.Scene("many")
	s.Pools[0].Backends[0].Name = "a\x1b[2J"
	s.Listeners[0].Name = "$(reboot)"
	p := on(t, controltest.NewFake(s))
	for _, args := range [][]string{{"start", ""}, {"set", "listeners."}, {"set", "pools."}, {"connections", "--listener", ""}} {
		p.run(t, append([]string{"__complete"}, args...)...)
		if out := p.stdout.String(); strings.ContainsAny(out, "\x1b\u009b\a\u202e$\x00") || !strings.Contains(out, "listener-3") && args[0] != "set" {
			t.Errorf("%q: %q", args, out)
		}
	}
}
