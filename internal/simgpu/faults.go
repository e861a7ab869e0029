package simgpu

import "net/http"

// Faults that can be switched on while it runs: SetFaults, or POST /sim/faults.
type Faults struct {
	// Down closes every connection without an answer.
	Down bool `json:"down,omitempty"`
	// HTML answers everything with a web page, as a proxy does.
	HTML bool `json:"html,omitempty"`
	// SlowLoad multiplies the time of a load.
	SlowLoad int `json:"slowLoad,omitempty"`
	// OutOfMemory refuses every load.
	OutOfMemory bool `json:"outOfMemory,omitempty"`
	// DieAfter kills the runner after so many tokens of an answer.
	DieAfter int `json:"dieAfter,omitempty"`
	// StallAfter stops sending after so many tokens, without an error.
	StallAfter int `json:"stallAfter,omitempty"`
	// RepeatAfter ends an answer after so many tokens without done: true, as
	// Ollama's repeat limit does.
	RepeatAfter int `json:"repeatAfter,omitempty"`
	// Endless never ends an answer by itself.
	Endless bool `json:"endless,omitempty"`
	// CPU loads models into main memory, and works a tenth as fast.
	CPU bool `json:"cpu,omitempty"`
	// ForeignBytes of the card are used by another program.
	ForeignBytes int64 `json:"foreignBytes,omitempty"`
	// LeakBytes stay on the card each time a model is unloaded.
	LeakBytes int64 `json:"leakBytes,omitempty"`
	// Celsius is the card's temperature; 45 unless given.
	Celsius int `json:"celsius,omitempty"`
	// Throttled is that the card slows itself down.
	Throttled bool `json:"throttled,omitempty"`
	// KeepsLoaded is that no model is unloaded when that is asked for.
	KeepsLoaded bool `json:"keepsLoaded,omitempty"`
	// DeadEntries is that the runners of what is listed have died: none of it is on the
	// card. The next load ends that.
	DeadEntries bool `json:"deadEntries,omitempty"`
	// Lost is that the card no longer answers its driver: what is there fails, and what
	// is loaded from then on is on the CPU.
	Lost bool `json:"lost,omitempty"`
}

// SetFaults switches to exactly these faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Faults that are switched on.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	var f Faults
	if !read(w, r, &f) {
		return
	}
	s.SetFaults(f)
	answer(w, f)
}
