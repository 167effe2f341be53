package problems

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Thresholds; docs/problems.md is generated from them.
const (
	// Window is how far back "lately" reaches: what is counted is compared with
	// that long ago.
	Window = 10 * time.Second
	// DescriptorsNear is the share of a process's descriptors in percent from
	// which they are scarce.
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

// Rules are all kinds of problems, the most severe first.
var Rules = []Rule{
	{ListenerFailed, "listener", control.SeverityHarm, "a listener should serve and does not",
		"{listener} does not serve: {reason}", "fix the cause, then run: rockstar-tui start {listener}"},
	{ListenerWorkersNone, "workers", control.SeverityHarm, "no worker of a listener is ready, although all had started",
		"{listener} has no ready worker: {reason}", "see: rockstar-tui workers {listener}"},
	{RefusingDescriptors, "refusing", control.SeverityHarm, fmt.Sprintf("in the last %s, connections were refused because the process was out of file descriptors", Window),
		"{listener} refused {clients} connections: its process is out of file descriptors", "raise the limit of open files (LimitNOFILE, ulimit -n), or lower max_connections and timeouts.idle"},
	{RefusingConnections, "refusing", control.SeverityHarm, fmt.Sprintf("in the last %s, connections were refused because max_connections was reached", Window),
		"{listener} refused {clients} connections: {open} are open, max_connections is {limit}", "raise limits.max_connections, or add workers"},
	{RefusingRate, "refusing", control.SeverityHarm, fmt.Sprintf("in the last %s, connections were refused below max_connections", Window),
		"{listener} refused {clients} connections", "see limits.max_connections and limits.accept_rate"},
	{BackendsAllDown, "backend", control.SeverityHarm, "all backends of a pool are down",
		"{pool}: all {count} backends are down", "see: rockstar-tui pools"},
	{CertificateExpired, "certificate", control.SeverityHarm, "the certificate in use has expired",
		"{listener}: the certificate {file} expired on {date}", "replace the file; the runtime reads it by itself"},
	{ConfigFallback, "config", control.SeverityHarm, "the runtime started without the config file, which is broken",
		"generation {generation} runs instead of the config file: {reason}", "fix the file; the runtime reads it by itself"},
	{DescriptorsScarce, "descriptors", control.SeverityRisk, fmt.Sprintf("a process uses %d %% of its file descriptors", DescriptorsNear),
		"{process} uses {open} of {limit} file descriptors", "raise the limit of open files (LimitNOFILE, ulimit -n), or lower max_connections and timeouts.idle"},
	{ListenerWorkersFew, "workers", control.SeverityRisk, "fewer workers of a listener are ready than configured, although all had started",
		"{listener} has {ready} of {wanted} workers: {reason}", "see: rockstar-tui workers {listener}"},
	{BackendDown, "backend", control.SeverityRisk, "a backend is down and others of its pool are not",
		"{pool}: {backend} is down", "see: rockstar-tui pools"},
	{CertificateRefused, "certificate", control.SeverityRisk, "new certificate files are unusable; the old certificate stays in use",
		"{listener}: {reason}", "fix the files; the runtime reads them by itself"},
	{CertificateExpires, "certificate", control.SeverityRisk, fmt.Sprintf("the certificate in use expires within %d days", ExpiresSoon/(24*time.Hour)),
		"{listener}: the certificate {file} expires in {days} days, on {date}", "replace the file; the runtime reads it by itself"},
	{ConfigRefused, "config", control.SeverityRisk, "the config file was refused; the old config keeps running",
		"the config file was refused: {reason}", "fix the file; the runtime reads it by itself"},
	{StateFailing, "state", control.SeverityRisk, "the state directory cannot be written",
		"the state directory cannot be written: {reason}", "free space or repair the disk; until then a restart forgets changes made by hand, and trials are refused"},
	{StateMissing, "state", control.SeverityRisk, "the configured state directory is unusable",
		"the runtime has no state directory: {reason}", "fix the directory and restart; until then nothing survives a restart"},
	{AdoptionMissing, "adoption", control.SeverityRisk, "the directory beside the control socket, through which a new master adopts workers, is unusable",
		"if this process dies, its workers drain and no new master can adopt them: {reason}", "remove the directory, or use another socket, and restart"},
	{LogDropped, "log", control.SeverityRisk, fmt.Sprintf("log lines were dropped in the last %s", LogDroppedFor),
		"{lines} log lines were dropped: the reader of the log has gone or is too slow", "check the process that reads standard error"},
}
