//go:build !linux || !cgo

package nvml

// Meter measures nothing in this build.
type Meter struct{}

// New returns a meter that measures nothing.
func New() *Meter { return &Meter{} }

// Measure returns ErrNoBuild.
func (m *Meter) Measure() (Reading, error) { return Reading{}, ErrNoBuild }

// Close does nothing.
func (m *Meter) Close() error { return nil }
