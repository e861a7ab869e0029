// Package workflows holds Signalbox's workflows, one file for each. They are
// thin: AIRevisionBatch asks internal/job what to do next, GPUScheduler asks
// internal/scheduling, and both carry it out. Names and JSON types are in
// package contract beside them.
package workflows
