package tasks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

func TestTextIsFittedToTheContext(t *testing.T) {
	est := tasks.NewEstimator(3)
	for name, word := range map[string]string{"english": "some words ", "thai": "ข้อความ ", "mixed": "ข้อความ words "} {
		t.Run(name, func(t *testing.T) {
			long := strings.Repeat(word, 5000)
			task := suggest(t, contract.RevisionInput{Text: long})
			require.True(t, task.Use.Truncated)
			require.Equal(t, len([]rune(long)), task.Use.TotalChars)
			total := est.Tokens(task.Call.System) + est.Tokens(task.Call.Prompt) + task.Call.MaxTokens
			require.LessOrEqual(t, total, 2048)
			require.Greater(t, total, 1900, "and no more is cut than has to be")
			require.False(t, suggest(t, contract.RevisionInput{Text: "short"}).Use.Truncated)
		})
	}
}

func TestTheEstimatorIsCorrectedByWhatTheModelCounts(t *testing.T) {
	e := tasks.NewEstimator(3)
	chars := func(n int) string { return strings.Repeat("x", n) }
	e.Observe(chars(100), 100)
	require.Equal(t, 3.0, e.CharsPerToken(), "a short text teaches nothing")
	e.Observe(chars(3000), 2000)
	require.Equal(t, 1.5, e.CharsPerToken(), "at once downwards")
	for range 100 {
		e.Observe(chars(40000), 10000)
	}
	require.InDelta(t, 3, e.CharsPerToken(), 0.01, "slowly upwards, never past the configured guess")
	require.LessOrEqual(t, e.CharsPerToken(), 3.0)
	require.Equal(t, 1001, e.Tokens(strings.Repeat("ก", 1000)), "a character outside ASCII is a token")
}

// TestWhatIsLearnedMakesNoOtherTask: a checkpoint is found again although the
// text is cut elsewhere.
func TestWhatIsLearnedMakesNoOtherTask(t *testing.T) {
	m := maker(t)
	text := strings.Repeat("some words ", 5000)
	before, err := m.Extract(text, contract.ExtractOptions{Fields: []string{"title"}})
	require.NoError(t, err)
	m.Tighten()
	after, err := m.Extract(text, contract.ExtractOptions{Fields: []string{"title"}})
	require.NoError(t, err)
	require.Less(t, after.Use.UsedChars, before.Use.UsedChars)
	require.Equal(t, before.Identity, after.Identity)
	other, err := m.Extract(text+"more", contract.ExtractOptions{Fields: []string{"title"}})
	require.NoError(t, err)
	require.NotEqual(t, before.Identity, other.Identity, "what was cut off counts too")
}
