package tasks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/ollama"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

func TestPassagesCoverTheTextAndOverlap(t *testing.T) {
	e := &tasks.Embedder{CharsPerToken: 3}
	for name, text := range map[string]string{
		"words": strings.Repeat("some plain words ", 1000), "thai": strings.Repeat("ข้อความ ยาว ", 1000),
		"no space": strings.Repeat("x", 10_000), "short": "one",
	} {
		t.Run(name, func(t *testing.T) {
			runes := []rune(text)
			passages := e.Passages(text)
			require.Equal(t, 0, passages[0].Start)
			require.Equal(t, len(runes), passages[len(passages)-1].End)
			for i, p := range passages {
				require.Equal(t, string(runes[p.Start:p.End]), p.Text)
				require.LessOrEqual(t, tasks.NewEstimator(3).Tokens(p.Text), tasks.PassageTokens+1)
				if i > 0 {
					require.Greater(t, p.Start, passages[i-1].Start)
					require.Less(t, p.Start, passages[i-1].End, "passages overlap")
				}
			}
		})
	}
	require.Empty(t, e.Passages(""))
}

func TestPrefixesByPurpose(t *testing.T) {
	e := &tasks.Embedder{Model: ollama.Model{Name: "m"}, QueryPrefix: "q: ", DocumentPrefix: "d: "}
	require.Equal(t, []string{"q: a"}, e.Call(contract.PurposeQuery, []string{"a"}).Texts)
	require.Equal(t, []string{"d: a", "d: b"}, e.Call(contract.PurposeDocument, []string{"a", "b"}).Texts)
	require.NotEqual(t, e.Identity(contract.PurposeQuery), e.Identity(contract.PurposeDocument))
}
