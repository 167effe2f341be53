package prefork

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
)

// Common is memory that all workers of a group share, and whoever else keeps it.
// It is mapped for as long as the Common is referenced.
type Common struct {
	// Memory starts zeroed, and is as large as it was made.
	Memory []byte

	file *os.File
}

// NewCommon makes memory of size bytes for [Config].Common.
func NewCommon(size int) (*Common, error) {
	memory, f, err := newMemory(size)
	if err != nil {
		return nil, err
	}
	return newCommon(memory, f), nil
}

func newCommon(memory []byte, f *os.File) *Common {
	c := &Common{Memory: memory, file: f}
	goruntime.AddCleanup(c, unmap, memory)
	return c
}

// mapCommon maps what f, which it takes over, is the file of.
func mapCommon(f *os.File) (*Common, error) {
	memory, err := mapWhole(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("memory that workers share: %w", err)
	}
	return newCommon(memory, f), nil
}

var errNoCommon = errors.New("the workers share no memory")

// Common is the memory that the group shares, nil if there is none.
func (w *Worker) Common() *Common { return w.common }

// MapCommon is the memory that the workers of the frozen group share, for the Common
// of the group that adopts them. It is asked for once.
func (f *Frozen) MapCommon() (*Common, error) {
	if f.Common == 0 {
		return nil, errNoCommon
	}
	return mapCommon(file(f.Common, "common"))
}

// Common is the memory that the worker shares with those of its group.
func (o *Orphan) Common() (*Common, error) {
	if o.common == nil {
		return nil, errNoCommon
	}
	f, err := again(o.common)
	if err != nil {
		return nil, err
	}
	return mapCommon(f)
}
