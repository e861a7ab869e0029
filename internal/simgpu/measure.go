package simgpu

import (
	"errors"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// What the simulated card says of itself.
const (
	celsius    = 45
	slowdownAt = 93
	runnerPID  = 4242
	foreignPID = 1717
)

// errLost is what NVML says of a card that has fallen off the bus.
var errLost = errors.New("the card is lost: it no longer answers its driver")

// Measure is a device.Card: what NVML says of a real card.
func (s *Server) Measure() device.Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	f := s.faults
	r := device.Reading{Name: s.cfg.Card.Name, State: contract.Card{Celsius: celsius, SlowdownAt: slowdownAt}}
	if f.Lost {
		r.Broken, r.Memory = errLost, contract.Memory{Source: contract.MemoryUnknown, Why: errLost.Error()}
		return r
	}
	used := s.usedBytes()
	r.Memory = contract.Memory{
		TotalBytes: s.cfg.Card.TotalBytes, UsedBytes: used, FreeBytes: s.cfg.Card.TotalBytes - used, Source: contract.MemorySimulated,
	}
	if f.Celsius > 0 {
		r.State.Celsius = f.Celsius
	}
	if f.Throttled {
		r.State.Throttled = []string{"hardware slowdown"}
	}
	if s.cfg.Card.Nameless {
		r.State.NoProcesses = "this simulated card names no processes"
		return r
	}
	for _, p := range []contract.CardProcess{{PID: runnerPID, Name: "ollama", Bytes: s.ownBytes()}, {PID: foreignPID, Name: "another-program", Bytes: f.ForeignBytes}} {
		if p.Bytes > 0 {
			r.State.Processes = append(r.State.Processes, p)
		}
	}
	return r
}
