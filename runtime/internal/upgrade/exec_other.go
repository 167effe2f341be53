//go:build !linux

package upgrade

import (
	"context"
	"errors"
)

const systemRefusal = "only Linux can replace a running program: stop it and start the new one"

func ask(context.Context, string, *State) (verdict, error) {
	return verdict{}, errors.New(systemRefusal)
}

func (u *Upgrader) execute(*successor, *State, []int) error { return errors.New(systemRefusal) }
