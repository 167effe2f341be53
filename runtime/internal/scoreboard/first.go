package scoreboard

// The segments of programs from before there were directories, by commit 5b955e8.
const (
	firstLayout = "68963c5d9aec740a"
	firstSize   = 83744
)

var firstCounters = []counter{
	{"Listener.Accepted", 0, 1, 8},
	{"Listener.Active", 8, 1, 8},
	{"Listener.Idle", 16, 1, 8},
	{"Listener.Requests", 24, 1, 8},
	{"Listener.failures", 32, 4, 8},
	{"Listener.BytesIn", 64, 1, 8},
	{"Listener.BytesOut", 72, 1, 8},
	{"Listener.Refused", 80, 1, 8},
	{"Listener.TimedOut", 88, 1, 8},
	{"Listener.Latency", 96, 192, 8},
	{"Backends.Open", 1632, 1024, 80},
	{"Backends.Active", 1640, 1024, 80},
	{"Backends.Requests", 1648, 1024, 80},
	{"Backends.Errors", 1656, 1024, 80},
	{"Backends.WaitCount", 1664, 1024, 80},
	{"Backends.WaitNanos", 1672, 1024, 80},
	{"Backends.Failures", 1680, 1024, 80},
	{"Backends.Up", 1688, 1024, 80},
	{"Backends.DownUntil", 1696, 1024, 80},
	{"Backends.LastFailure", 1704, 1024, 80},
	{"Accepting", 83552, 1, 8},
	{"Alternative.port", 83560, 1, 8},
	{"others.active", 83568, 1, 8},
	{"others.idle", 83576, 1, 8},
	{"others.total", 83584, 1, 8},
	{"others.requests", 83592, 1, 8},
	{"others.refused", 83600, 1, 8},
	{"others.timedOut", 83608, 1, 8},
	{"others.bytesIn", 83616, 1, 8},
	{"others.bytesOut", 83624, 1, 8},
	{"others.client", 83632, 1, 8},
	{"others.canceled", 83640, 1, 8},
	{"others.server", 83648, 1, 8},
	{"others.backend", 83656, 1, 8},
	{"Beat", 83664, 1, 8},
	{"Place", 83672, 1, 8},
	{"Drain.Receipt", 83680, 1, 8},
	{"Drain.Now", 83688, 1, 8},
	{"Drain.begun", 83696, 1, 8},
	{"Drain.open", 83704, 1, 8},
	{"Drain.accepted", 83712, 1, 8},
	{"Drain.cut", 83720, 1, 8},
	{"Drain.Moved", 83728, 1, 8},
	{"Drain.done", 83736, 1, 8},
}
