package runtime

// signals by which a runtime is operated do not exist on Windows.
type signals struct{}

func handleSignals(*App, bool) *signals { return nil }

func (*signals) stop() {}

func (*signals) ignore() (restore func()) { return func() {} }
