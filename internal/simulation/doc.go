// Package simulation runs the three cores that production runs (the scheduler's,
// the device's, the job's) in one simulated world, and looks for an order of
// events that breaks what must always hold.
//
// The world gives them Temporal's guarantees and no more: signals are delayed and
// overtake each other, and one whose sender closes is lost; activities run at least
// once; a host that thaws goes on with an attempt that somebody else has by now; what
// reaches a workflow waits while no worker runs it. Around each core stands what its
// workflow and activities do, in as few lines as in package workflows.
//
// Everything random comes from one seed: the same seed is the same schedule, so
// that a failure can be looked at (Config.Trace).
//
// # What is simulated
//
// Claims and tenures (GPUOwner), rings, gates, reports, leases, the keeper,
// reconcile, continue-as-new of the scheduler and of jobs, a batch window that
// closes and opens, a configuration that changes, and every fault of Kinds, alone
// and together.
//
// # What is not
//
// Temporal itself away, admission by memory, cleanup, PrepareChunk and ResolveText
// beyond their time. The order of realtime requests among themselves is the queue's.
package simulation
