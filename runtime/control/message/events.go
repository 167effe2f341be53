package message

// because adds the reason that somebody gave to what was done.
var because = text("event.because", "{what} ({reason})")

// Because is m with the reason that somebody gave for it; without one it is m.
func Because(m Message, reason string) Message {
	if reason == "" {
		return m
	}
	return New(because, m, reason)
}

// Events of listeners, their workers and their connections.
var (
	ListenerServing = text("listener.serving", "serving on {address}")
	ListenerLeft    = text("listener.left", "no longer on {address}")
	ListenerStopped = text("listener.stopped", "stopped, new connections are refused")
	SteeringIs      = text("listener.steering", "steering is {steering}")
	SteeringBecause = text("listener.steering_because", "steering is {steering}: {reason}")

	OrphanDrains   = text("orphans.stray", "worker of {listener} on {address} (pid {pid}), whose master died, drains: there is no such listener here")
	OrphansAdopted = text("orphans.adopted", "{n} {n|worker|workers} of a master that died serve on here")
	OrphansDrain   = text("orphans.drain", "the workers of a master that died drain: {error}")

	NotTakenOver       = text("upgrade.not_taken_over", "not taken over from the program before: {error}")
	NewWorkersTakeOver = text("upgrade.new_workers", "new workers take over: {error}")

	WorkerReplaced    = text("workers.one_replaced", "{listener}: worker {worker} replaced, its connections drain")
	WorkersRestarted  = text("workers.restarted", "all workers are restarted")
	WorkersRestarting = text("workers.restarting", "restart of all workers, one after the other")
	RestartEnded      = text("workers.restart_ended", "restart of all workers ended early: {error}")

	ReceiptClosed   = text("receipt.closed", "{what}: {ended}")
	ConnectionsCut  = text("receipt.cut", "{n} {n|connection|connections} cut {cause}")
	CutAtDeadline   = text("receipt.cut_at_deadline", "at the deadline")
	CutByDrainNow   = text("receipt.cut_by_drain_now", "because the drain was ended")
	CutByProcessEnd = text("receipt.cut_by_process_end", "by the end of their process")

	BackendWentDown = text("backend.went_down", "backend {backend} is down")
	BackendDownBy   = text("backend.went_down_because", "backend {backend} is down: {failure}")
	BackendUpAgain  = text("backend.up_again", "backend {backend} is up again")
	BackendFailed   = text("backend.failed", "backend {backend} failed: {failure}")
	ProblemOver     = text("problem.over", "{object}: over: {problem}")
)

// Events of the desired state.
var (
	ChangeMade       = text("change.made", "{what}")
	ChangeRefused    = text("change.refused", "refused: {why}")
	ConfigKept       = text("config.kept", "config refused, the old one keeps running: {why}")
	TrialBegun       = text("trial.begun", "on trial: taken back at {time} unless it is confirmed")
	TrialConfirmed   = text("trial.confirmed", "confirmed, {n} {n|value|values} kept")
	TrialWritten     = text("trial.written", "confirmed, {n} {n|value|values} kept and written to the file")
	TrialInterrupted = text("trial.interrupted", "the runtime ended while a change by {actor} was on trial: it is taken back")
	FileWaits        = text("config.waits", "the config file was saved and is not applied yet: {reason}")
	FileRejected     = text("config.rejected", "the config file was saved and {actor} left it unapplied; the old one keeps running")
	OverridesFile    = text("overrides.file_invalid", "the overrides from before are not used, their file is not valid: {error}")
	OverridesInvalid = text("overrides.invalid", "the overrides from before are not used, they are not valid: {error}")
	OverridesDropped = text("overrides.dropped", "the file wins over what was set by hand: {paths}")
	ConfigStandsIn   = text("config.stands_in", "the config file is not good, {what} runs instead: {error}")
)

// Refusals of the desired state and of actions.
var (
	StateChanged   = text("conflict.changed", "{path} was changed: your change is based on generation {base}, the current one is {generation}; look again and retry")
	StateChangedBy = text("conflict.changed_by", "{path} was changed by {actor}: your change is based on generation {base}, the current one is {generation}; look again and retry")
	OnTrial        = text("trial.under_way", "a change by {actor} is on trial until {time}: confirm it or roll it back first")
	NoTrial        = text("trial.none", "there is no trial under way: it was confirmed, taken back, or never begun")
	AnotherTrial   = text("trial.another", "generation {base} is no longer on trial: now it is generation {generation} by {actor}; look again")
	NothingHeld    = text("config.nothing_waits", "no change of the config file is waiting for approval")
	NoGeneration   = text("generation.unknown", "generation {generation} not found: {why}; see rockstar-tui config history")
	NotKept        = text("generation.not_kept", "it is not kept, or never was")
	NeverRan       = text("generation.never_ran", "it was refused and never ran")
	NoListener     = text("listener.unknown", `there is no listener "{listener}"`)
	NoWorker       = text("workers.unknown", "listener {listener} has no worker {worker}, its last one is {last}")
	NoWorkers      = text("workers.none", "listener {listener} has no worker processes, it is served by the master")
	NoWorkersAtAll = text("workers.none_at_all", "no listener has worker processes: all are served by the master")
	WorkerKept     = text("workers.kept", "worker {worker} keeps running: {error}")
	RestartFailed  = text("workers.restart_failed", "{listener}: {error}")
	NotServing     = text("listener.not_serving", `no listener "{listener}" is serving`)
)
