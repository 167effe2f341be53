package message

// What a plan says: a line for each listener and pool, and all of them.
var (
	PlanNothing    = text("plan.nothing", "nothing to change")
	PlanNoListener = text("plan.no_listener", "{n} {n|value|values}, no listener changes")
	PlanLines      = text("plan.lines", "{lines}")

	PlanStarts       = text("plan.starts", "{listener} starts on {address}")
	PlanStops        = text("plan.stops", "{listener} stops, {ends}")
	PlanMoves        = text("plan.moves", "{listener} moves to {address}, {ends}")
	PlanLive         = text("plan.live", "{listener} changes live, {ends|, }")
	PlanLeaving      = text("plan.leaving", "{listener} {why}, {ends}")
	PlanToMaster     = text("plan.to_master", "{listener}: served by the master instead of {n} {n|worker|workers}, {ends}")
	PlanToWorkers    = text("plan.to_workers", "{listener}: served by {n} {n|worker|workers} instead of the master, {ends}")
	PlanMoreWorkers  = text("plan.more_workers", "{listener}: {n} new {n|worker|workers}, nothing dropped")
	PlanFewerWorkers = text("plan.fewer_workers", "{listener}: {n} {n|worker|workers} fewer, {ends}")
	PlanCut          = text("plan.cut", "{plan}; {n} {n|connection is|connections are} cut if still busy after {limit}")

	// Why open connections leave after their present request.
	LeavingForTLS      = text("plan.leaving_for_tls", "turns TLS on")
	LeavingTLS         = text("plan.leaving_tls", "turns TLS off")
	LeavingForProtocol = text("plan.leaving_for_protocol", "changes its protocol")
	LeavingKeepAlive   = text("plan.leaving_keep_alive", "closes connections after each request")

	// What becomes of connections.
	NothingDropped = text("plan.nothing_dropped", "nothing dropped")
	NoneEnds       = text("plan.none_ends", "no connection ends")
	SomeEnd        = text("plan.some_end", "{n} {n|connection ends|connections end} after the current request")
	IdleEnd        = text("plan.idle_end", "{n} {n|connection ends|connections end} at once, idle for longer than {idle}")
	ActiveEnd      = text("plan.active_end", "{n} {n|connection ends|connections end} at once within a request, longer than request {request} or response {response}")

	PlanPoolAdded   = text("plan.pool_added", "pool {pool} is added with {n} {n|backend|backends}")
	PlanPoolRemoved = text("plan.pool_removed", "pool {pool} is removed")
	PlanPoolEnding  = text("plan.pool_ending", "pool {pool} is removed, {ends}")
	PlanPoolChanges = text("plan.pool_changes", "pool {pool}: {changes|, }")
	PoolLive        = text("plan.pool_live", "changes live")
	RequestsFinish  = text("plan.requests_finish", "{n} {n|request finishes|requests finish} first")
	BackendAdded    = text("plan.backend_added", "{backend} is added")
	BackendRemoved  = text("plan.backend_removed", "{backend} is removed")
	BackendMoved    = text("plan.backend_moved", "{backend} moves")
	BackendUpdated  = text("plan.backend_updated", "{backend} gets another weight")
)
