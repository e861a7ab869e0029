package realollama_test

import (
	"testing"

	"signalbox/internal/ollamacontract"
	"signalbox/internal/realollama"
)

// TestContractReal: a real Ollama passes the suite that the simulation passes.
func TestContractReal(t *testing.T) {
	s := realollama.Start(t)
	ollamacontract.Run(t, ollamacontract.Target{
		URL: s.URL, Text: realollama.Text, Embed: realollama.Embed, Dimensions: realollama.Dimensions,
	})
}
