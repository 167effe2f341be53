//go:build !linux

package sockets

import (
	"errors"
	"os"
)

// counts need Linux.
type counts struct{}

type liveMemory struct{}

func newCounts() (*counts, error) { return nil, errors.ErrUnsupported }

func (c *counts) live(int) *Counter           { return nil }
func (c *counts) set(int, int64)              {}
func (c *counts) file() (*os.File, error)     { return nil, errors.ErrUnsupported }
func (c *counts) close()                      {}
func (c *counts) steer([]socket, []int) error { return errors.ErrUnsupported }

func (c *counts) freeze() (*FrozenCounts, error) { return nil, errors.ErrUnsupported }

func adoptCounts(*FrozenCounts) (*counts, error) { return nil, errors.ErrUnsupported }

// OpenCounter is the counter of a slot; there are none on this system.
func OpenCounter(*os.File, int) (*Counter, error) { return nil, nil }

// watcher needs Linux.
type watcher struct{}

func (s *Sockets) watch(bool) {}

func steerWeighted(socket, []int, []float64) error { return nil }
