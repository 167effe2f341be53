package control

import "time"

// States of an [Upgrade].
const (
	UpgradeDraining  = "draining"  // connections that the master itself serves come to their end
	UpgradeReplacing = "replacing" // the new program takes over
	UpgradeRolling   = "rolling"   // workers move to the new program, one after the other
	UpgradeDone      = "done"
	UpgradeFailed    = "failed" // Error says why, and what runs now
)

// Upgrade is the replacement of the running program by another, the last one if
// none is under way. It outlives the program that began it.
type Upgrade struct {
	// Number counts upgrades of this runtime from 1.
	Number uint64 `json:"number"`
	// Receipt is the number of the one that tells of its connections.
	Receipt uint64 `json:"receipt,omitempty"`
	State   string `json:"state"`
	// Binary is the path of the new program, From and To are versions.
	Binary string    `json:"binary"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Actor  string    `json:"actor,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Error  string    `json:"error,omitempty"`
}

// Over reports whether there is nothing to wait for.
func (u *Upgrade) Over() bool {
	return u == nil || u.State == UpgradeDone || u.State == UpgradeFailed
}
