package problems

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Thresholds. The page of problems is written from them.
const (
	// Window is how far back "lately" reaches: what is counted is compared with
	// that long ago.
	Window = 10 * time.Second
	// DescriptorsNear is the share of a process's descriptors in percent from
	// which on they are scarce.
	DescriptorsNear = 80
	// ExpiresSoon is how long before its end a certificate is a risk.
	ExpiresSoon = 14 * 24 * time.Hour
	// LogDroppedFor is how long lost lines of the log are shown.
	LogDroppedFor = time.Minute
)

// Rule is one line of the table of problems.
type Rule struct {
	Code, Kind, Severity string
	// When says what must be the case, with the threshold.
	When string
	// Message and Remedy are templates; {name} stands for an argument.
	Message, Remedy string
}

// Codes of problems.
const (
	ListenerFailed      = "listener.failed"
	ListenerWorkersNone = "listener.no_workers"
	ListenerWorkersFew  = "listener.few_workers"
	RefusingConnections = "refusing.max_connections"
	RefusingRate        = "refusing.accept_rate"
	RefusingDescriptors = "refusing.descriptors"
	DescriptorsScarce   = "descriptors.scarce"
	BackendsAllDown     = "backend.all_down"
	BackendDown         = "backend.down"
	CertificateExpired  = "certificate.expired"
	CertificateExpires  = "certificate.expires"
	CertificateRefused  = "certificate.refused"
	ConfigRefused       = "config.refused"
	ConfigFallback      = "config.fallback"
	StateFailing        = "state.failing"
	StateMissing        = "state.missing"
	AdoptionMissing     = "adoption.missing"
	LogDropped          = "log.dropped"
)

// Rules are all problems that there are, the gravest first.
var Rules = []Rule{
	{ListenerFailed, "listener", control.SeverityHarm, "a listener should serve and does not",
		"{listener} does not serve: {reason}", "mend what is named, then: rockstar-tui start {listener}"},
	{ListenerWorkersNone, "workers", control.SeverityHarm, "no worker of a listener is ready, after they were ready once",
		"{listener} has no worker that is ready: {reason}", "see: rockstar-tui workers {listener}"},
	{RefusingDescriptors, "refusing", control.SeverityHarm, fmt.Sprintf("connections were turned away within %s because the process had no descriptors left", Window),
		"{listener} turned away {clients} connections: its process has no descriptors left", "raise the limit of open files (LimitNOFILE, ulimit -n), or lower max_connections and idle"},
	{RefusingConnections, "refusing", control.SeverityHarm, fmt.Sprintf("connections were turned away within %s because max_connections was reached", Window),
		"{listener} turned away {clients} connections: {open} are open, max_connections is {limit}", "raise limits.max_connections, or add workers"},
	{RefusingRate, "refusing", control.SeverityHarm, fmt.Sprintf("connections were turned away within %s, below max_connections", Window),
		"{listener} turned away {clients} connections", "see limits.max_connections and limits.accept_rate"},
	{BackendsAllDown, "backend", control.SeverityHarm, "no backend of a pool can be connected to",
		"{pool}: none of {count} backends can be connected to", "see: rockstar-tui pools"},
	{CertificateExpired, "certificate", control.SeverityHarm, "the certificate that is served has expired",
		"{listener}: the certificate {file} has expired on {date}", "replace the file; it is read by itself"},
	{ConfigFallback, "config", control.SeverityHarm, "the start had to do without the config file",
		"generation {generation} runs because the config file cannot: {reason}", "mend the file; it is read by itself"},
	{DescriptorsScarce, "descriptors", control.SeverityRisk, fmt.Sprintf("a process has %d %% of its descriptors open", DescriptorsNear),
		"{process} has {open} of {limit} descriptors open", "raise the limit of open files (LimitNOFILE, ulimit -n), or lower max_connections and idle"},
	{ListenerWorkersFew, "workers", control.SeverityRisk, "fewer workers of a listener are ready than wanted, after they were ready once",
		"{listener} has {ready} of {wanted} workers: {reason}", "see: rockstar-tui workers {listener}"},
	{BackendDown, "backend", control.SeverityRisk, "a backend cannot be connected to and others of its pool can",
		"{pool}: {backend} cannot be connected to", "see: rockstar-tui pools"},
	{CertificateRefused, "certificate", control.SeverityRisk, "the files of a certificate cannot be used, the old one is served",
		"{listener}: {reason}", "mend the files; they are read by themselves"},
	{CertificateExpires, "certificate", control.SeverityRisk, fmt.Sprintf("the certificate that is served expires within %d days", ExpiresSoon/(24*time.Hour)),
		"{listener}: the certificate {file} expires in {days} days, on {date}", "replace the file; it is read by itself"},
	{ConfigRefused, "config", control.SeverityRisk, "the config file was refused, the old config runs",
		"the config file was refused: {reason}", "mend the file; it is read by itself"},
	{StateFailing, "state", control.SeverityRisk, "the state directory cannot be written",
		"the state directory cannot be written: {reason}", "free or mend the disk; what was changed by hand is forgotten by a restart, and trials are refused"},
	{StateMissing, "state", control.SeverityRisk, "a state directory was asked for and cannot be used",
		"there is no state directory: {reason}", "mend the directory and restart; until then nothing outlives this process"},
	{AdoptionMissing, "adoption", control.SeverityRisk, "the directory beside the control socket, in which workers wait for another master, cannot be used",
		"workers drain should this process die, nobody can adopt them: {reason}", "remove the directory, or name another socket, and restart"},
	{LogDropped, "log", control.SeverityRisk, fmt.Sprintf("lines of the log were dropped within %s because nobody took them", LogDroppedFor),
		"{lines} lines of the log were dropped: its reader is gone or too slow", "see who reads standard error"},
}
