// Package device owns the GPU's one slot.
//
// Core is its pure decision core: who may run, who makes way, who is told to
// come back later. Device puts it behind a lock, owns the slot, and reaches
// into the run that is on the GPU: a realtime request that rings cancels the
// context of a batch run directly, in this process, without asking anyone.
//
// The device is the only truth about who is on the GPU and who wants it. It
// enforces by itself what must hold when everything else has died: one run at
// a time, no batch while a person waits, no batch past its lease, no run
// without the claim on the GPU.
package device
