package telemetry

import "go.opentelemetry.io/otel/metric"

// maker makes instruments and collects what goes wrong.
type maker struct {
	meter metric.Meter
	errs  []error
}

func (m *maker) add(err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	}
}

func (m *maker) counter(name, what string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithDescription(what))
	m.add(err)
	return c
}

func (m *maker) seconds(name, what string) metric.Float64Counter {
	c, err := m.meter.Float64Counter(name, metric.WithDescription(what), metric.WithUnit("s"))
	m.add(err)
	return c
}

func (m *maker) histogram(name, what string) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithDescription(what), metric.WithUnit("s"))
	m.add(err)
	return h
}

func (m *maker) gauge(name, what string) metric.Int64ObservableGauge {
	g, err := m.meter.Int64ObservableGauge(name, metric.WithDescription(what))
	m.add(err)
	return g
}
