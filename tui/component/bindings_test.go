package component_test

import "github.com/charmbracelet/bubbles/key"

func bindingsFor(names ...string) []key.Binding {
	var out []key.Binding
	for _, n := range names {
		out = append(out, key.NewBinding(key.WithKeys(n), key.WithHelp(n, "key "+n)))
	}
	return out
}
