//go:build !linux

package runtime

import (
	"errors"
	"os"
)

// UpgradeStandBy is for systems that can replace a program in place.
const UpgradeStandBy = "__upgrade-stand-by"

const envDied = "ROCKSTAR_UPGRADE_FAILED"

// StandBy is for systems that can replace a program in place.
func StandBy([]string) error { return errors.ErrUnsupported }

func allWell(*os.File) {}

func closeOnExec(int) {}
