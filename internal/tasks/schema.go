package tasks

import (
	"encoding/json"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"signalbox/workflows/contract"
)

// schemas remembers the compiled schema of the last documents: those of one job
// all have the same.
type schemas struct {
	mu   sync.Mutex
	last map[string]*jsonschema.Schema
}

const rememberedSchemas = 16

func (s *schemas) compile(schema json.RawMessage) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.last[string(schema)]; c != nil {
		return c, nil
	}
	c, err := contract.CompileSchema(schema)
	if err != nil {
		return nil, err
	}
	if s.last == nil || len(s.last) >= rememberedSchemas {
		s.last = map[string]*jsonschema.Schema{}
	}
	s.last[string(schema)] = c
	return c, nil
}
