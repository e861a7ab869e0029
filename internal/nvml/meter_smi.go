//go:build !linux || !cgo

package nvml

import (
	"context"
	"errors"
)

// Source says what this build measures with.
const Source = "nvidia-smi"

// Meter measures this host's card. New makes one.
type Meter struct{ smi smi }

// New returns a meter that uses nvidia-smi where there is one.
func New() *Meter { return &Meter{smi: newSMI()} }

// Measure reads the card. It takes about 100 ms.
func (m *Meter) Measure() (Reading, error) { return m.smi.measure() }

// errNoXid: nvidia-smi tells of no errors.
var errNoXid = errors.New("this build of Signalbox cannot watch for the card's errors (Xid)")

// Watch returns an error: nvidia-smi tells of no errors.
func (m *Meter) Watch(context.Context, func(Xid)) error { return errNoXid }

// CanWatch says why the card's errors cannot be watched.
func (m *Meter) CanWatch() error { return errNoXid }

// Close does nothing.
func (m *Meter) Close() error { return nil }
