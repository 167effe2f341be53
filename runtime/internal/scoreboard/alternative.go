package scoreboard

import (
	"strconv"
	"sync/atomic"
)

// Alternative is where else a listener can be reached: the port of HTTP/3 on the
// same host, 0 for nowhere. It lies on the board of each process, so that the
// master can announce and withdraw it at any time.
type Alternative struct{ port atomic.Uint64 }

// withdrawn stands for a port that was announced once.
const withdrawn = 1 << 16

// Set announces a port, or withdraws the one announced.
func (a *Alternative) Set(port int) {
	if port == 0 && a.port.Load() != 0 {
		port = withdrawn
	}
	a.port.Store(uint64(port))
}

// altSvcAge is how long clients may remember, in seconds.
const altSvcAge = "3600"

// Header is the value of Alt-Svc, "" for none.
func (a *Alternative) Header() string {
	switch port := a.port.Load(); port {
	case 0:
		return ""
	case withdrawn:
		return "clear"
	default:
		return `h3=":` + strconv.FormatUint(port, 10) + `"; ma=` + altSvcAge
	}
}
