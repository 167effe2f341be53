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

	OrphanDrains   = text("orphans.stray", "worker of {listener} on {address} (pid {pid}), whose master died, drains: this runtime has no such listener")
	OrphansAdopted = text("orphans.adopted", "adopted {n} {n|worker|workers} of a master that died")
	OrphansDrain   = text("orphans.drain", "the workers of a master that died drain: {error}")

	NotTakenOver       = text("upgrade.not_taken_over", "not taken over from the previous program: {error}")
	NewWorkersTakeOver = text("upgrade.new_workers", "new workers take over: {error}")

	WorkerReplaced    = text("workers.one_replaced", "{listener}: worker {worker} replaced, its connections drain")
	WorkersRestarted  = text("workers.restarted", "all workers have been restarted")
	WorkersRestarting = text("workers.restarting", "restarting all workers one by one")
	RestartEnded      = text("workers.restart_ended", "the restart of all workers stopped early: {error}")

	ReceiptClosed   = text("receipt.closed", "{what}: {ended}")
	ConnectionsCut  = text("receipt.cut", "{n} {n|connection|connections} cut {cause}")
	CutAtDeadline   = text("receipt.cut_at_deadline", "at the deadline")
	CutByDrainNow   = text("receipt.cut_by_drain_now", "by drain --now")
	CutByProcessEnd = text("receipt.cut_by_process_end", "when their process ended")

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
	ConfigKept       = text("config.kept", "config refused, the old config keeps running: {why}")
	TrialBegun       = text("trial.begun", "on trial: rolled back at {time} unless confirmed")
	TrialConfirmed   = text("trial.confirmed", "confirmed, {n} {n|value|values} kept")
	TrialWritten     = text("trial.written", "confirmed, {n} {n|value|values} kept and written to the file")
	TrialInterrupted = text("trial.interrupted", "the runtime ended while a change by {actor} was on trial: it is rolled back")
	FileWaits        = text("config.waits", "a saved config change is not applied yet: {reason}")
	FileRejected     = text("config.rejected", "the config file was saved and {actor} rejected it; the old config keeps running")
	OverridesFile    = text("overrides.file_invalid", "the saved overrides are ignored because their file is invalid: {error}")
	OverridesInvalid = text("overrides.invalid", "the saved overrides are ignored because they are invalid: {error}")
	OverridesDropped = text("overrides.dropped", "the file overrides values set by hand: {paths}")
	ConfigStandsIn   = text("config.stands_in", "the config file is broken, {what} runs instead: {error}")
)

// Refusals of the desired state and of actions.
var (
	StateChanged   = text("conflict.changed", "{path} was changed: your change is based on generation {base}, the current one is {generation}; check and try again")
	StateChangedBy = text("conflict.changed_by", "{path} was changed by {actor}: your change is based on generation {base}, the current one is {generation}; check and try again")
	OnTrial        = text("trial.under_way", "a change by {actor} is on trial until {time}: confirm it or roll it back first")
	NoTrial        = text("trial.none", "no trial is running: it was confirmed, rolled back or never started")
	AnotherTrial   = text("trial.another", "generation {base} is no longer on trial: generation {generation} by {actor} is; check and try again")
	NothingHeld    = text("config.nothing_waits", "no config change is waiting for approval")
	NoGeneration   = text("generation.unknown", "generation {generation} not found: {why}; see rockstar-tui config history")
	NotKept        = text("generation.not_kept", "it is no longer kept, or never existed")
	NeverRan       = text("generation.never_ran", "it was refused and never ran")
	NoListener     = text("listener.unknown", `no listener "{listener}"`)
	NoWorker       = text("workers.unknown", "listener {listener} has no worker {worker}: its last one is {last}")
	NoWorkers      = text("workers.none", "listener {listener} has no worker processes: the master serves it")
	NoWorkersAtAll = text("workers.none_at_all", "no listener has worker processes: the master serves them all")
	WorkerKept     = text("workers.kept", "worker {worker} keeps running: {error}")
	RestartFailed  = text("workers.restart_failed", "{listener}: {error}")
	NotServing     = text("listener.not_serving", `no listener "{listener}" is serving`)
)
