package runtime

// handleHangup does nothing: Windows has no SIGHUP.
func handleHangup(*App, bool) (stop func()) { return func() {} }
