package tests

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
	"signalbox/internal/realollama"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// realGPU is a real Ollama (on the CPU) behind a recorder.
func realGPU(t *testing.T) *recorder {
	t.Helper()
	return record(t, realollama.Start(t).URL)
}

// realModels fits the configuration to the models of the tests, to which each
// character is a token.
func realModels(c *config.Config) {
	c.Simulated = false
	c.Models.Text.ContextTokens, c.Models.Text.MaxOutputTokens = 4096, 1024
	c.Models.Text.CharsPerToken, c.Models.Text.Temperature = 1, 0
	c.Models.Embed.CharsPerToken = 1
}

// realModelsYAML is realModels for a process of its own.
const realModelsYAML = `models:
  text: {contextTokens: 4096, maxOutputTokens: 1024, charsPerToken: 1, temperature: 0}
  embed: {charsPerToken: 1}
`

// realFields are few: a model on one core is no card.
var realFields = []string{"title", "discipline"}

// runningReal is a system with every role on a real Ollama.
func runningReal(t *testing.T) *system {
	t.Helper()
	gpu := realGPU(t)
	s := systemOn(t, nil, gpu, realModels)
	s.fields = realFields
	s.run(workers.AllRoles()...)
	return s
}

// checkRealFields looks at fields that the tests' real model has proposed: it
// says the same of each, under the schema, with a quote that no letter has.
func checkRealFields(t *testing.T, raw json.RawMessage, fields []string) {
	t.Helper()
	var out contract.SuggestOutput
	require.NoError(t, json.Unmarshal(raw, &out))
	require.Len(t, out.Fields, len(fields))
	for name, f := range out.Fields {
		require.Equal(t, realollama.Answer, f.Value, name)
		require.Empty(t, f.Evidence)
		require.Equal(t, []string{contract.FlagEvidenceNotFound}, f.Flags, "a quote that is not in the text is dropped")
		require.Equal(t, contract.Band(f.Confidence), f.Band)
	}
}
