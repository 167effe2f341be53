//go:build !linux

package reaper

import "context"

// Run does nothing: no runtime is the first process of a container here.
func Run(context.Context) {}
