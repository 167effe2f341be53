package config

import _ "embed"

//go:embed sample.yaml
var sample []byte

// Sample returns a config to begin with: one listener, and everything else that
// can be set as a comment with its default.
func Sample() []byte { return append([]byte(nil), sample...) }
