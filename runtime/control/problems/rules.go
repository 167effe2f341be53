package problems

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Thresholds; docs/problems.md is generated from them.
const (
	// Window is how far back "lately" reaches: what is counted is compared with
	// that long ago.
	Window = 10 * time.Second
	// descriptorsNear is the share of a process's descriptors in percent from
	// which they are scarce.
	descriptorsNear = 80
	// ExpiresSoon is how long before its end a certificate is a risk.
	ExpiresSoon = 14 * 24 * time.Hour
	// LogDroppedFor is how long lost lines of the log are shown.
	LogDroppedFor = time.Minute
)

// Rule is one line of the table of problems.
type Rule struct {
	// Message says what is wrong; its code is that of the problem. Remedy says what
	// to do about it.
	Message, Remedy message.Code
	Kind, Severity  string
	// When says what must be the case, with the threshold.
	When string
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
	{message.ListenerFailed, message.StartListener, "listener", control.SeverityHarm, "a listener should serve and does not"},
	{message.ListenerWorkersNone, message.SeeWorkers, "workers", control.SeverityHarm, "no worker of a listener is ready, although all had started"},
	{message.RefusingDescriptors, message.RaiseOpenFiles, "refusing", control.SeverityHarm, fmt.Sprintf("in the last %s, connections were refused because the process was out of file descriptors", Window)},
	{message.RefusingConnections, message.RaiseMaxConnections, "refusing", control.SeverityHarm, fmt.Sprintf("in the last %s, connections were refused because max_connections was reached", Window)},
	{message.RefusingRate, message.SeeLimits, "refusing", control.SeverityHarm, fmt.Sprintf("in the last %s, connections were refused below max_connections", Window)},
	{message.BackendsAllDown, message.SeePools, "backend", control.SeverityHarm, "all backends of a pool are down"},
	{message.CertificateExpired, message.ReplaceCertificate, "certificate", control.SeverityHarm, "the certificate in use has expired"},
	{message.ConfigFallback, message.MendConfig, "config", control.SeverityHarm, "the runtime started without the config file, which is broken"},
	{message.DescriptorsScarce, message.RaiseOpenFiles, "descriptors", control.SeverityRisk, fmt.Sprintf("a process uses %d %% of its file descriptors", descriptorsNear)},
	{message.ListenerWorkersFew, message.SeeWorkers, "workers", control.SeverityRisk, "fewer workers of a listener are ready than configured, although all had started"},
	{message.BackendDown, message.SeePools, "backend", control.SeverityRisk, "a backend is down and others of its pool are not"},
	{message.CertificateRefused, message.MendCertificate, "certificate", control.SeverityRisk, "new certificate files are unusable; the old certificate stays in use"},
	{message.CertificateExpires, message.ReplaceCertificate, "certificate", control.SeverityRisk, fmt.Sprintf("the certificate in use expires within %d days", ExpiresSoon/(24*time.Hour))},
	{message.ConfigRefused, message.MendConfig, "config", control.SeverityRisk, "the config file was refused; the old config keeps running"},
	{message.StateFailing, message.MendDisk, "state", control.SeverityRisk, "the state directory cannot be written"},
	{message.StateMissing, message.MendStateDirectory, "state", control.SeverityRisk, "the configured state directory is unusable"},
	{message.AdoptionMissing, message.MendOrphanDirectory, "adoption", control.SeverityRisk, "the directory beside the control socket, through which a new master adopts workers, is unusable"},
	{message.LogDropped, message.SeeLogReader, "log", control.SeverityRisk, fmt.Sprintf("log lines were dropped in the last %s", LogDroppedFor)},
}
