package notices_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/notices"
	"signalbox/workflows/contract"
)

var example = contract.Notice{
	RFA: contract.RFARef{ProjectID: "bridge 7", Number: "RFA/STR-042", Revision: "B", Title: "Piles & <caps>"},
	Due: "2026-12-04", Actor: "Somchai", Disciplines: []string{"STRUCTURAL"}, Code: "1B",
	Text: "See <b>page 3</b>\n& the drawing", WaitsFor: []string{"Ann (STRUCTURAL)"}, Level: 1, From: "2026-12-01", Until: "2026-12-03",
	Transmittal: "T-1",
	Reviews:     []contract.ReviewLine{{Discipline: "STRUCTURAL", By: "Ann", Code: "1B", Comments: "<i>fine</i>"}},
}

// Every kind in every language says what it is about, and escapes what people wrote.
func TestWords(t *testing.T) {
	for _, language := range notices.Languages() {
		w, err := notices.New(notices.Options{Language: language, Link: "https://dms.example/{projectId}/{number}/{revision}"})
		require.NoError(t, err)
		for _, kind := range contract.NoticeKinds() {
			n := example
			n.Kind = kind
			for _, level := range []int{contract.LevelReviewer, contract.LevelManager, contract.LevelProject} {
				n.Level = level
				words, err := w.Write(n)
				require.NoError(t, err)
				require.Contains(t, words.Subject, "RFA/STR-042", "%s %s", language, kind)
				require.NotContains(t, words.Subject, "\n")
				require.Contains(t, words.Text, "Piles & <caps>", "%s %s", language, kind)
				require.Contains(t, words.Text, "https://dms.example/bridge%207/RFA%2FSTR-042/B")
				require.Contains(t, words.HTML, "Piles &amp; &lt;caps&gt;")
				require.Contains(t, words.HTML, `href="https://dms.example/bridge%207/RFA%2FSTR-042/B"`)
				require.NotContains(t, words.HTML, "<b>page 3")
				require.NotContains(t, words.HTML, "<i>")
				require.NotContains(t, words.Text, "\n\n\n", "%s %s", language, kind)
			}
		}
	}
}

func TestTemplatesOfAnOperator(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "en"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "en", name), []byte(text), 0o600))
	}
	o := notices.Options{Language: "en", Dir: dir}
	write("due.txt", "Subject: new date\n\nNow {{.Due}}.")
	w, err := notices.New(o)
	require.NoError(t, err)
	n := example
	n.Kind = contract.NoticeDue
	words, err := w.Write(n)
	require.NoError(t, err)
	require.Equal(t, "new date", words.Subject)
	require.True(t, strings.HasPrefix(words.Text, "Now 2026-12-04.\n"))

	for text, want := range map[string]string{
		"Subject: x\n\n{{.Nothing}}": "can't evaluate field Nothing",
		"no subject\n\nx":            "has to begin with a line",
		"Subject: {{":                "unclosed action",
	} {
		write("due.txt", text)
		_, err = notices.New(o)
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "en", "due.txt")))
	write("dew.txt", "Subject: x\n\ny")
	_, err = notices.New(o)
	require.ErrorContains(t, err, "dew.txt is no template")
	_, err = notices.New(notices.Options{Language: "de"})
	require.ErrorContains(t, err, "allowed are en, th")
}
