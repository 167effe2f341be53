package scoreboard

import "strconv"

// withdrawn stands for a port that was announced once.
const withdrawn = 1 << 16

// Announce tells the process where else its listener can be reached: the port of
// HTTP/3 on the same host, 0 for nowhere. The master announces and withdraws it at
// any time.
func (b *Board) Announce(port int) {
	at := b.Alternative.port
	if port == 0 && at.Load() != 0 {
		port = withdrawn
	}
	at.Store(uint64(port))
}

// altSvcAge is how long clients may remember, in seconds.
const altSvcAge = "3600"

// AltSvc is the header of that name, "" for none.
func (b *Board) AltSvc() string {
	switch port := b.Alternative.port.Load(); port {
	case 0:
		return ""
	case withdrawn:
		return "clear"
	default:
		return `h3=":` + strconv.FormatUint(port, 10) + `"; ma=` + altSvcAge
	}
}
