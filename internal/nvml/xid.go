//go:build linux && cgo

package nvml

import (
	"context"
	"errors"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// xidWait is how long one wait for an event takes, in milliseconds, before it is
// looked whether to go on.
const xidWait = 500

// errNoXid: the card tells of no errors.
var errNoXid = errors.New("the card does not tell of its errors (Xid)")

// Watch calls tell with every error that the driver reports of the card from now on,
// until ctx ends or the card can no longer be watched. Those of the past are not
// told again.
func (m *Meter) Watch(ctx context.Context, tell func(Xid)) error {
	// A reference of its own keeps the library while Measure may start it anew.
	if ret := m.lib.Init(); ret != nvml.SUCCESS {
		return explain("start NVML", ret)
	}
	defer func() { _ = m.lib.Shutdown() }()
	set, err := m.events()
	if err != nil {
		return err
	}
	defer func() { _ = set.Free() }()
	for ctx.Err() == nil {
		e, ret := set.Wait(xidWait)
		switch ret {
		case nvml.SUCCESS:
			if e.EventType == nvml.EventTypeXidCriticalError {
				tell(newXid(e.EventData))
			}
		case nvml.ERROR_TIMEOUT:
		default:
			return explain("wait for the card's errors", ret)
		}
	}
	return nil
}

// events registers for the card's errors: for those alone that it can tell, because
// one kind that it cannot registers none.
func (m *Meter) events() (nvml.EventSet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	card, err := m.card()
	if err != nil {
		return nil, err
	}
	supported, ret := card.GetSupportedEventTypes()
	if ret == nvml.ERROR_NOT_SUPPORTED {
		return nil, errNoXid
	} else if ret != nvml.SUCCESS {
		return nil, explain("ask which errors the card tells", ret)
	}
	wanted := supported & nvml.EventTypeXidCriticalError
	if wanted == 0 {
		return nil, errNoXid
	}
	set, ret := m.lib.EventSetCreate()
	if ret != nvml.SUCCESS {
		return nil, explain("watch the card's errors", ret)
	}
	if ret := card.RegisterEvents(wanted, set); ret != nvml.SUCCESS {
		_ = set.Free()
		return nil, explain("watch the card's errors", ret)
	}
	return set, nil
}

// CanWatch says why the card's errors cannot be watched, nil if they can.
func (m *Meter) CanWatch() error {
	set, err := m.events()
	if err == nil {
		_ = set.Free()
	}
	return err
}
