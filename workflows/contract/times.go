package contract

import "time"

// Times of the protocol between workflows and workers. The simulation runs with
// the same.
const (
	// RingEvery is how often a request rings until it ends; the device forgets
	// one that has not rung for 25 s.
	RingEvery = 10 * time.Second
	// RingTimeout is how long the GPU host may take to answer a ring. It is a
	// ScheduleToClose: a frozen host's open poll swallows the task, which a
	// ScheduleToStart would not see.
	RingTimeout = 2 * time.Second
	// RingRetry is the pause between attempts of one ring.
	RingRetry = 100 * time.Millisecond
	// MissedRings in a row mean that the GPU host is gone; of a request's first
	// attempt the first one does.
	MissedRings = 2
	// RealtimeHeartbeat is when a request's attempt without heartbeats is lost.
	RealtimeHeartbeat = 5 * time.Second
	// RealtimeAttempts of one request: a GPU worker that dies costs one more.
	RealtimeAttempts = 2

	// BatchHeartbeat is when a stage's attempt without heartbeats is lost, and
	// BatchRetry the pause before the next.
	BatchHeartbeat = 10 * time.Second
	BatchRetry     = time.Second
	// AwaitEvery is the seed's "retry every 5 minutes".
	AwaitEvery = 5 * time.Minute

	// KeepEvery is how often the keeper looks at the scheduler.
	KeepEvery = 10 * time.Second
	// ReconcileEvery is how often the scheduler compares with Temporal while jobs
	// wait, ReconcileIdle while none does, ReconcileAgain where one look has found
	// more than can be mended at once.
	ReconcileEvery = time.Minute
	ReconcileIdle  = 5 * time.Minute
	ReconcileAgain = 5 * time.Second
	// GateTimeout is how long the device may take to answer the gate, GateAttempt how
	// long one attempt may (a frozen host swallows one), GateRetry the pause between
	// attempts.
	GateTimeout = 5 * time.Second
	GateAttempt = time.Second
	GateRetry   = 200 * time.Millisecond
)
