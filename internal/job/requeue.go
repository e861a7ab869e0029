package job

import "signalbox/workflows/contract"

// Scan is a search for the documents that failed, through what is recorded.
type Scan struct {
	// From is where it goes on, Until where it ends.
	From  int `json:"from"`
	Until int `json:"until"`
}

// Requeue has the documents that have failed worked on again, from their first
// stage that is not in the store, when those in hand have ended. It returns how
// many that are now.
func (s *State) Requeue() int {
	n := s.Progress().Failed
	s.RequeueDue = s.RequeueDue || n > 0
	return n
}

// decideRequeue begins a search when nothing is in hand: until then, what has
// failed is not all recorded.
func (s *State) decideRequeue() {
	if s.RequeueDue && len(s.Chunk) == 0 && len(s.Ahead) == 0 && !s.preparing {
		s.RequeueDue, s.Scan = false, &Scan{Until: s.From}
	}
}

// toPrepare is the chunk to prepare next: of documents that failed before fresh
// ones, nothing while a search is due.
func (s *State) toPrepare() *Prepare {
	next := s.prepared()
	switch {
	case len(s.Ahead) > 0 || s.preparing || s.RequeueDue:
		return nil
	case s.Scan != nil:
		return &Prepare{From: s.Scan.From, Until: s.Scan.Until, Failed: true}
	case s.Total == 0 || next < s.Total:
		return &Prepare{From: next}
	}
	return nil
}

// scanned records how far the search has come, and takes what it has found out of
// the counts again.
func (s *State) scanned(r contract.ChunkResult) {
	if s.Scan == nil {
		return
	}
	if s.Scan.From = r.Next; s.Scan.From >= s.Scan.Until {
		s.Scan = nil
	}
	again := map[int]bool{}
	for _, d := range r.Documents {
		again[d.Index] = true
	}
	s.Counts.Failed -= len(r.Documents)
	var left []contract.ReportLine
	for _, f := range s.Failures {
		if !again[f.Index] {
			left = append(left, f)
		}
	}
	s.Failures = left
}

// prepared is how many documents have been prepared, from the first on.
func (s *State) prepared() int {
	n := s.From
	for d := range s.InHand() {
		if !d.Requeued {
			n++
		}
	}
	return n
}
