package config

// Effect is what a change costs those who are connected.
type Effect string

// Effects, the mildest first.
const (
	Live    Effect = "live"    // takes effect at once, also on open connections; ends none
	Drain   Effect = "drain"   // some connections end after their present request
	Rebind  Effect = "rebind"  // a new socket is bound first, then the old one drains
	Restart Effect = "restart" // takes effect when the runtime is started again
)

// Change is one value that differs between two configs.
type Change struct {
	// Path as in [Edit].
	Path string `json:"path"`
	// From and To are written as in [Edit]; empty when absent on that side.
	From   string `json:"from"`
	To     string `json:"to"`
	Effect Effect `json:"effect"`
}
