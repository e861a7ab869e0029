// Package contract holds every name and every JSON type that Signalbox and its
// callers exchange through Temporal: task queues, workflows, activities,
// signals, queries, inputs and results.
//
// It has no workflow code and no dependency but the Temporal error type, so
// that an app backend can import it without the rest. What a caller in another
// language needs is the same: the names below and the JSON of these structs.
package contract
