//go:build !linux

package upgrade

import (
	"errors"
	"os"
)

// StandByArgument is for systems that can replace a program in place.
const StandByArgument = "__upgrade-stand-by"

// StandBy is for systems that can replace a program in place.
func StandBy([]string) error { return errors.ErrUnsupported }

func tellAllWell(*os.File) {}

func closeOnExec(int) {}
