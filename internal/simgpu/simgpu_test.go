package simgpu_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/ollamacontract"
	"signalbox/internal/simgpu"
)

// fast is a simulated Ollama a hundred times faster than a card.
func fast(t *testing.T, change ...func(*simgpu.Config)) (*simgpu.Server, string) {
	cfg := simgpu.Default()
	cfg.Speed = 100
	for _, c := range change {
		c(&cfg)
	}
	s := simgpu.New(cfg)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// TestContractSimulated: the simulation passes the suite that a real Ollama has
// to pass.
func TestContractSimulated(t *testing.T) {
	s, url := fast(t)
	ollamacontract.Run(t, ollamacontract.Target{
		URL: url, Text: "gemma4:e4b", Embed: "nomic-embed-text", Dimensions: 768,
	})
	require.Zero(t, s.Stats().Overlaps)
}

func generate(t *testing.T, url string, body map[string]any) (int, map[string]any) {
	data, err := json.Marshal(body)
	require.NoError(t, err)
	resp, err := http.Post(url+"/api/generate", "application/json", strings.NewReader(string(data)))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

func TestTheCardsLedger(t *testing.T) {
	s, url := fast(t)
	idle := s.Card()
	require.EqualValues(t, 8<<30, idle.TotalBytes)
	require.Equal(t, idle.TotalBytes, idle.UsedBytes+idle.FreeBytes)
	generate(t, url, map[string]any{"model": "gemma4:e4b"})
	require.Equal(t, int64(4_500_000_000), s.Card().UsedBytes-idle.UsedBytes)
	generate(t, url, map[string]any{"model": "gemma4:e4b", "keep_alive": 0})
	require.Eventually(t, func() bool { return s.Card() == idle }, 10*time.Second, time.Millisecond)

	s.SetFaults(simgpu.Faults{ForeignBytes: 4 << 30})
	status, out := generate(t, url, map[string]any{"model": "gemma4:e4b"})
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, out["error"], "requires more system memory (4.2 GiB) than is available (3.6 GiB)")

	s.SetFaults(simgpu.Faults{CPU: true})
	generate(t, url, map[string]any{"model": "gemma4:e4b"})
	require.Equal(t, idle.UsedBytes, s.Card().UsedBytes, "a model on the CPU takes none of the card")
}

func TestOtherRunnerOptionsLoadAgain(t *testing.T) {
	s, url := fast(t)
	for _, contextTokens := range []int{2048, 2048, 4096, 2048} {
		generate(t, url, map[string]any{"model": "gemma4:e4b", "prompt": "[[sim tokens=1]]", "stream": false,
			"options": map[string]any{"num_ctx": contextTokens, "temperature": float64(contextTokens)}})
	}
	require.EqualValues(t, 3, s.Stats().Loads)
}

func TestAnswersBelongToTheirPrompt(t *testing.T) {
	_, url := fast(t)
	ask := func(prompt string, format any) string {
		body := map[string]any{"model": "gemma4:e4b", "prompt": prompt, "stream": false}
		if format != nil {
			body["format"] = format
		}
		_, out := generate(t, url, body)
		return out["response"].(string)
	}
	require.Contains(t, ask("[[sim tokens=30]] Hello number 7", nil), "Hello number 7")
	require.Equal(t, "just this", ask("Please [[sim reply=just this]]", nil))
	field := map[string]any{"type": "object", "properties": map[string]any{
		"value": map[string]any{"type": "string"}, "confidence": map[string]any{"type": "number"}, "evidence": map[string]any{"type": "string"},
	}}
	choice := map[string]any{"type": "object", "properties": map[string]any{
		"value":      map[string]any{"type": "string", "enum": []string{"Drawing", "Letter", ""}},
		"confidence": map[string]any{"type": "number"}, "evidence": map[string]any{"type": "string"},
	}}
	schema := map[string]any{"type": "object", "properties": map[string]any{"title": field, "documentType": choice, "discipline": field}}
	require.JSONEq(t, `{
		"title":{"value":"A bridge","confidence":0.93,"evidence":"Title: A bridge"},
		"documentType":{"value":"Letter","confidence":0.93,"evidence":"Document type: Letter"},
		"discipline":{"value":"","confidence":0.3,"evidence":""}}`,
		ask("Fields, please.\n<document>\nTitle: A bridge\nDocument type: Letter\n</document>", schema))
	require.NotContains(t, ask("[[sim badjson]] [[sim tokens=9]] x", schema), "{")
}

func TestFaultsOverHTTP(t *testing.T) {
	s, url := fast(t)
	resp, err := http.Post(url+"/sim/faults", "application/json", strings.NewReader(`{"down":true}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.True(t, s.Faults().Down)
	_, err = http.Get(url + "/api/version")
	require.Error(t, err)
	resp, err = http.Get(url + "/sim/faults")
	require.NoError(t, err, "the faults can be switched off again")
	require.NoError(t, resp.Body.Close())
}
