package runtime

import (
	goruntime "runtime"

	"github.com/echterhof/rockstar-tui/prefork"
)

// PlatformInfo tells what this system supports.
type PlatformInfo struct {
	// OS and Arch in the words of Go: "linux", "amd64".
	OS   string `json:"os"`
	Arch string `json:"arch"`
	// CPUs that this process may use: so many workers does prefork start by
	// default.
	CPUs int `json:"cpus"`
	// Prefork says whether worker processes can share a listener.
	Prefork bool `json:"prefork"`
	// SocketPerWorker says whether each worker has a socket and accept queue of
	// its own (SO_REUSEPORT with steering); otherwise they share one.
	SocketPerWorker bool `json:"socket_per_worker"`
	// ClientWatch says whether the request context of an HTTP/1.1 handler is
	// cancelled when its client goes away.
	ClientWatch bool `json:"client_watch"`

	// NumCPU is the same as CPUs, SupportsPrefork as Prefork.
	NumCPU          int  `json:"num_cpu"`
	SupportsPrefork bool `json:"supports_prefork"`
	// SupportsReusePort says whether [CreateListener] can have several sockets
	// listen on one address (SO_REUSEPORT).
	SupportsReusePort bool `json:"supports_reuse_port"`
}

// GetPlatformInfo tells what this system supports.
func GetPlatformInfo() PlatformInfo {
	return PlatformInfo{
		OS: goruntime.GOOS, Arch: goruntime.GOARCH, CPUs: goruntime.NumCPU(),
		Prefork:         prefork.Supported(),
		SocketPerWorker: goruntime.GOOS == "linux",
		ClientWatch:     goruntime.GOOS != "windows",
		NumCPU:          goruntime.NumCPU(),

		SupportsPrefork:   prefork.Supported(),
		SupportsReusePort: supportsReusePort,
	}
}
