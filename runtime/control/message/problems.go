package message

// Problems, in the order of their severity.
var (
	ListenerFailed      = text("listener.failed", "{listener} does not serve: {reason}")
	ListenerWorkersNone = text("listener.no_workers", "{listener} has no ready worker: {reason}")
	RefusingDescriptors = text("refusing.descriptors", "{listener} refused {clients} connections: its process is out of file descriptors")
	RefusingConnections = text("refusing.max_connections", "{listener} refused {clients} connections: {open} are open, max_connections is {limit}")
	RefusingRate        = text("refusing.accept_rate", "{listener} refused {clients} connections: accept_rate is {limit}")
	BackendsAllDown     = text("backend.all_down", "{pool}: all {count} backends are down")
	CertificateExpired  = text("certificate.expired", "{listener}: the certificate {file} expired on {date}")
	ConfigFallback      = text("config.fallback", "generation {generation} runs instead of the config file: {reason}")
	DescriptorsScarce   = text("descriptors.scarce", "{process} uses {open} of {limit} file descriptors")
	ListenerWorkersFew  = text("listener.few_workers", "{listener} has {ready} of {wanted} workers: {reason}")
	BackendDown         = text("backend.down", "{pool}: {backend} is down")
	CertificateRefused  = text("certificate.refused", "{listener}: {reason}")
	CertificateExpires  = text("certificate.expires", "{listener}: the certificate {file} expires in {days} days, on {date}")
	ConfigRefused       = text("config.refused", "the config file was refused: {reason}")
	StateFailing        = text("state.failing", "the state directory cannot be written: {reason}")
	StateMissing        = text("state.missing", "the runtime has no state directory: {reason}")
	AdoptionMissing     = text("adoption.missing", "if this process dies, its workers drain and no new master can adopt them: {reason}")
	LogDropped          = text("log.dropped", "{lines} log lines were dropped: the reader of the log has gone or is too slow")

	// CauseUnknown stands for a reason that nobody has given.
	CauseUnknown = text("reason.unknown", "the cause is unknown")
)

// Remedies for them.
var (
	StartListener       = text("remedy.start_listener", "fix the cause, then run: rockstar-tui start {listener}")
	SeeWorkers          = text("remedy.see_workers", "see: rockstar-tui workers {listener}")
	RaiseOpenFiles      = text("remedy.raise_open_files", "raise the limit of open files (LimitNOFILE, ulimit -n), or lower max_connections and timeouts.idle")
	RaiseMaxConnections = text("remedy.raise_max_connections", "raise limits.max_connections, or add workers")
	SeeLimits           = text("remedy.see_limits", "see limits.max_connections and limits.accept_rate")
	SeePools            = text("remedy.see_pools", "see: rockstar-tui pools")
	ReplaceCertificate  = text("remedy.replace_certificate", "replace the file; the runtime reads it by itself")
	MendConfig          = text("remedy.mend_config", "fix the file; the runtime reads it by itself")
	MendCertificate     = text("remedy.mend_certificate", "fix the files; the runtime reads them by itself")
	MendDisk            = text("remedy.mend_disk", "free space or repair the disk; until then a restart forgets changes made by hand, and trials are refused")
	MendStateDirectory  = text("remedy.mend_state_directory", "fix the directory and restart; until then nothing survives a restart")
	MendOrphanDirectory = text("remedy.mend_orphan_directory", "remove the directory, or use another socket, and restart")
	SeeLogReader        = text("remedy.see_log_reader", "check the process that reads standard error")
)
