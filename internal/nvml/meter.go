//go:build linux && cgo

package nvml

import (
	"fmt"
	"sync"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Source says what this build measures with.
const Source = "NVML"

// Meter measures this host's card. Its zero value is not usable; New makes one.
type Meter struct {
	mu   sync.Mutex
	lib  nvml.Interface
	open bool
	wsl  bool
}

// New returns a meter. The library is loaded with the first measurement, and
// tried again with each until that succeeds: a driver may come later.
func New() *Meter { return &Meter{lib: nvml.New(), wsl: underWSL()} }

// Measure reads the card. It takes a few milliseconds once the library is loaded.
func (m *Meter) Measure() (Reading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	card, err := m.card()
	if err != nil {
		return Reading{}, err
	}
	name, ret := card.GetName()
	if ret != nvml.SUCCESS {
		return Reading{}, m.failed("read the card's name", ret)
	}
	memory, ret := card.GetMemoryInfo()
	if ret != nvml.SUCCESS {
		return Reading{Name: name}, m.failed("read the card's memory", ret)
	}
	r := Reading{Name: name, Total: int64(memory.Total), Used: int64(memory.Used), Free: int64(memory.Free), Busy: -1}
	if ret := m.details(card, &r); ret != nvml.SUCCESS {
		return r, m.failed("read the card's state", ret)
	}
	r.Processes, r.NoProcesses = m.processes(card)
	return r, nil
}

// card opens the library and the one card.
func (m *Meter) card() (nvml.Device, error) {
	if !m.open {
		// After a failed Init no other call of the library is safe.
		if ret := m.lib.Init(); ret != nvml.SUCCESS {
			return nil, explain("start NVML", ret)
		}
		m.open = true
	}
	count, ret := m.lib.DeviceGetCount()
	switch {
	case ret != nvml.SUCCESS:
		return nil, m.failed("count the cards", ret)
	case count == 0:
		return nil, ErrNoCard
	case count > 1:
		return nil, ErrSeveral
	}
	card, ret := m.lib.DeviceGetHandleByIndex(0)
	if ret != nvml.SUCCESS {
		return nil, m.failed("open the card", ret)
	}
	return card, nil
}

// Close unloads the library. The meter may be used again.
func (m *Meter) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return nil
	}
	m.open = false
	if ret := m.lib.Shutdown(); ret != nvml.SUCCESS {
		return explain("stop NVML", ret)
	}
	return nil
}

// failed unloads the library: loading it anew finds a card that has come back.
// What the card does not offer it will not offer then either.
func (m *Meter) failed(what string, ret nvml.Return) error {
	if ret != nvml.ERROR_NOT_SUPPORTED && ret != nvml.ERROR_NO_PERMISSION {
		_ = m.lib.Shutdown() // it has failed already
		m.open = false
	}
	return explain(what, ret)
}

var known = map[nvml.Return]error{
	nvml.ERROR_LIBRARY_NOT_FOUND: ErrNoLibrary,
	nvml.ERROR_DRIVER_NOT_LOADED: ErrNoDriver,
	nvml.ERROR_GPU_IS_LOST:       ErrLost,
	nvml.ERROR_RESET_REQUIRED:    ErrReset,
}

func explain(what string, ret nvml.Return) error {
	if err, ok := known[ret]; ok {
		return err
	}
	return fmt.Errorf("%s: %s", what, nvml.ErrorString(ret))
}
