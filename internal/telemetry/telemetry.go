// Package telemetry is what a process shows of itself to machines: metrics for
// Prometheus, and whether it lives and is ready.
//
// Metrics go through OpenTelemetry, those of Temporal's SDK among them
// (temporal_…); Signalbox's own are called signalbox_….
package telemetry

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"signalbox/workflows/contract"
)

// seconds are the buckets of every duration, from a workflow task (5 ms) to a
// cold load and a document of several pages (10 minutes).
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

// Telemetry is that of one process.
type Telemetry struct {
	Ready    Readiness
	registry *prometheus.Registry
	provider *sdkmetric.MeterProvider
	address  atomic.Value // string
}

// New makes the telemetry of a process, with no metrics yet but Go's own.
func New() (*Telemetry, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	export, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return &Telemetry{registry: registry, provider: sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(export),
		sdkmetric.WithView(sdkmetric.NewView(
			sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Unit: "s"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: seconds}},
		)),
	)}, nil
}

// Temporal is the metrics handler for a Temporal client, whose workers use it too.
func (t *Telemetry) Temporal() client.MetricsHandler {
	return oneHost{opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: t.provider.Meter("temporal-sdk-go"), UseMonotonicCounters: true,
		OnError: func(error) {}, // a metric that cannot be made is not worth a process
	})}
}

// oneHost gives the queue of a GPU worker's tenure one name: each tenure has a
// queue of its own, and each would leave its series behind.
type oneHost struct{ client.MetricsHandler }

// WithTags is client.MetricsHandler's.
func (h oneHost) WithTags(tags map[string]string) client.MetricsHandler {
	const queue = "task_queue"
	if prefix := contract.QueueGPUHost(""); strings.HasPrefix(tags[queue], prefix) {
		tags = maps.Clone(tags)
		tags[queue] = strings.TrimSuffix(prefix, "-")
	}
	return oneHost{h.MetricsHandler.WithTags(tags)}
}

func (t *Telemetry) meter() metric.Meter { return t.provider.Meter("signalbox") }
