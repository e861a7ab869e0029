package devserver

import (
	"maps"

	"go.temporal.io/server/common/dynamicconfig"
)

// settings is the server's dynamic configuration, by the names and in the
// notation of a dynamic config file. "Default" is the default of server v1.32.1
// (common/dynamicconfig/constants.go); "measured" is one shard, one partition
// and SQLite on disk, on two cores.
var settings = map[string]any{
	// One partition for each task queue: priorities are kept within a partition
	// only. With the default of 4, 37 of 48 realtime requests were overtaken by
	// batch tasks (measured); with 1 it was 1 of 48.
	"matching.numTaskqueueReadPartitions":  1,
	"matching.numTaskqueueWritePartitions": 1,

	// How often a history shard reads its queues, per second. The default of 20
	// is for each shard, and this server has one: after a burst every workflow
	// task, activity dispatch and external signal costs 50 to 100 ms. Measured
	// with 2,000: 123 instead of 20 activities per second, external signal p50
	// 10 instead of 99 ms. The outbound queue (Nexus, callbacks, worker
	// commands) is read by the same kind of reader, with the same default.
	"history.transferProcessorMaxPollRPS":   2000,
	"history.timerProcessorMaxPollRPS":      2000,
	"history.visibilityProcessorMaxPollRPS": 2000,
	"history.outboundProcessorMaxPollRPS":   2000,

	// How often a history queue forgets the tasks that are done, and writes how far it
	// is. Until then they are gone through for each range of new ones: with 20 jobs
	// started a second the default of 30s came to a quarter of the CPUs' time, and to
	// gaps between two jobs of p99 319 instead of 134 ms (measured).
	"history.transferProcessorUpdateAckInterval":   "2s",
	"history.timerProcessorUpdateAckInterval":      "2s",
	"history.visibilityProcessorUpdateAckInterval": "2s",

	// A workflow task that was in flight when its worker or the server died is
	// given out again after this long (default 10s). Measured after kill -9:
	// workflows answer after 8.4 s with the default, 1.1 s with 2 s. 3 s leaves
	// room for a worker on a busy machine.
	"history.defaultWorkflowTaskTimeout": "3s",

	// A search attribute can be used as soon as it was added; otherwise
	// starting or listing with it fails until a cache was refreshed. It costs a
	// read of a local file, which is why the default is false.
	"system.forceSearchAttributesCacheRefreshOnRead": true,

	// Retention limit of the namespace; the default, fixed here because Options
	// are checked against it.
	"system.namespaceMinRetentionLocal": MinRetention.String(),

	// The daily question to Temporal's own site for a newer version, with the
	// cluster's id in it. Default true.
	"frontend.enableServerVersionCheck": false,

	// Request rates per second that exist to share a cluster between tenants,
	// which a server with one user does not have. Defaults: frontend 2,400,
	// history 3,000, matching 1,200. 20,000 is far above what one SQLite file
	// can do (123 activities per second measured), so the database is what
	// limits, not a refusal.
	"frontend.rps":          20000,
	"frontend.namespaceRPS": 20000,
	"history.rps":           20000,
	"matching.rps":          20000,

	// Lists and counts per second, for each namespace; default 10, which the Web
	// UI, status and reconcile together reach. Like the rates above it is set
	// so high that the database is the limit.
	"frontend.namespaceRPS.visibility": 2000,

	// Long polls open at once, for each API; default 1,200. Every caller that
	// waits for a result holds one, and 2,000 jobs at a time are a test case.
	"frontend.namespaceCount": 10000,
}

// Settings returns the server's dynamic configuration as a new map: setting
// names and values as they stand in a dynamic config file, durations as
// strings. Files that configure another server for Signalbox are checked
// against it.
func Settings() map[string]any {
	return maps.Clone(settings)
}

// dynamicConfig is what the server reads its settings from.
func dynamicConfig() dynamicconfig.Client {
	client := make(dynamicconfig.StaticClient, len(settings))
	for name, value := range settings {
		client[dynamicconfig.MakeKey(name)] = value
	}
	return client
}
