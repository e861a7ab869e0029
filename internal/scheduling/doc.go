// Package scheduling decides when batch may use the GPU and which job.
//
// It is pure: events change a State, and Decide compares what is true with
// what everyone was told and returns the difference. It has no clock, no
// Temporal and no goroutines, so that months pass in a test within
// milliseconds. The workflow GPUScheduler feeds it and carries out what it
// decides.
//
// # How it decides
//
// Events only record facts. Decide then asks, in this order:
//
//  1. May batch run at all? Only if no operator has paused or drained it, inside
//     a window (or an operator's override, or peak hours that it may fill),
//     with no realtime request waiting or running (and none a moment ago), with
//     a GPU that admits it or whose health is not known, and after the device
//     has answered a new scheduler's first gate. Otherwise it is on hold, for
//     the first reason that applies. A lease that goes on for longer than that
//     is revoked, on the device too.
//  2. On hold: whoever holds a lease and believes that batch is open is told.
//     Leases go on; the device enforces their end by itself.
//  3. Open: a job that holds a lease and was told to hold gets a new token.
//     With no holder, the next in line gets a lease. With one holder that is
//     nearly done, the next in line gets one too, so that the GPU does not
//     wait for the change of jobs. Never more than two hold one.
//  4. The gate is sent until the device's present instance has it.
//
// A message that is lost or comes late changes nothing for good: each event
// carries the sender's whole truth, and Decide can be asked again at any time.
package scheduling
