package contract_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signalbox/workflows/contract"
)

func TestDefaults(t *testing.T) {
	r, err := contract.DecodeRevisionInput([]byte(`{"task":"suggest","text":"x"}`))
	require.NoError(t, err)
	require.Equal(t, "2m0s", r.MaxWait)
	require.Equal(t, contract.SuggestFields(), r.Fields)
	b, err := contract.DecodeBatchInput([]byte(`{"projectId":"p","stages":["extract-metadata"],"documents":[{"id":"a","key":"a.txt"}]}`))
	require.NoError(t, err)
	require.Equal(t, contract.DefaultPriority, b.Priority)
	require.Equal(t, contract.ContentTypeText, b.Documents[0].ContentType)
	require.Equal(t, contract.SuggestFields(), b.Options.Extract.Fields)
}

func TestLimits(t *testing.T) {
	text := func(n int) contract.RevisionInput {
		return contract.RevisionInput{Task: contract.TaskSuggest, Text: strings.Repeat("x", n)}
	}
	in := text(contract.MaxInlineTextBytes)
	require.NoError(t, in.Validate())
	in = text(contract.MaxInlineTextBytes + 1)
	require.ErrorContains(t, in.Validate(), "text: is too long: 262145 bytes inline; 262144 are allowed")

	docs := func(n int) contract.BatchInput {
		b := contract.BatchInput{ProjectID: "p", Stages: contract.Stages()}
		for i := range n {
			b.Documents = append(b.Documents, contract.Document{ID: fmt.Sprint(i), Key: fmt.Sprint(i, ".txt")})
		}
		return b
	}
	b := docs(contract.MaxInlineDocuments)
	require.NoError(t, b.Validate())
	b = docs(contract.MaxInlineDocuments + 1)
	require.ErrorContains(t, b.Validate(), "documents: has 501 entries; 500 are allowed inline, up to 20000 in a manifest")
}

// Document numbers as companies write them are fine as they are.
func TestDocumentNumbersAreKept(t *testing.T) {
	for _, id := range []string{"A/B-1.2 (3)", "แบบ สถ. 12/2569", ".", "..", "COM1", strings.Repeat("ก", 66)} {
		line, err := json.Marshal(contract.Document{ID: id, Key: "a.txt"})
		require.NoError(t, err)
		d, err := contract.DecodeManifestLine(1, line)
		require.NoError(t, err)
		require.Equal(t, id, d.ID)
	}
}

// TestNothingGetsPastTheDoor: whatever comes in, the answer is an input or an
// error that names a field.
func TestNothingGetsPastTheDoor(t *testing.T) {
	names := []string{"task", "text", "prompt", "schema", "fields", "choices", "maxWait", "projectId", "stages", "documents", "manifest", "priority", "x"}
	values := []string{`"suggest"`, `"generate"`, `"x"`, `""`, `7`, `-1.5`, `null`, `true`, `[]`, `["title"]`, `[[]]`, `{}`, `{"a":{}}`,
		`["extract-metadata"]`, `[{"id":"a","key":"../a"}]`, `[{"id":"a","key":"a.txt"}]`, `"\u0000"`, `"9999999h"`}
	rapid.Check(t, func(t *rapid.T) {
		var fields []string
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			fields = append(fields, fmt.Sprintf("%q:%s", rapid.SampledFrom(names).Draw(t, "name"), rapid.SampledFrom(values).Draw(t, "value")))
		}
		raw := []byte("{" + strings.Join(fields, ",") + "}")
		if rapid.Bool().Draw(t, "garbage") {
			raw = rapid.SliceOf(rapid.Byte()).Draw(t, "raw")
		}
		for _, err := range []error{revision(raw), batch(raw), line(raw)} {
			var f *contract.FieldError
			if err != nil && (!errors.As(err, &f) || f.Field == "" || f.Reason == "") {
				t.Fatalf("%s: %v", raw, err)
			}
		}
	})
}

func revision(raw []byte) error { _, err := contract.DecodeRevisionInput(raw); return err }
func batch(raw []byte) error    { _, err := contract.DecodeBatchInput(raw); return err }
func line(raw []byte) error     { _, err := contract.DecodeManifestLine(1, raw); return err }

func TestErrorsAreRecognised(t *testing.T) {
	u, ok := contract.AsUnavailable(fmt.Errorf("around: %w", contract.NewUnavailable(contract.Unavailable{Reason: contract.ReasonDrained})))
	require.True(t, ok)
	require.Equal(t, contract.ReasonDrained, u.Reason)
	require.Positive(t, u.RetryAfterSeconds)
	_, ok = contract.AsUnavailable(errors.New("else"))
	require.False(t, ok)
	f, ok := contract.AsInvalidInput(contract.NewInvalidInput(&contract.FieldError{Field: "text", Reason: "is missing"}))
	require.True(t, ok)
	require.Equal(t, "text", f.Field)
}
