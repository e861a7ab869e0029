package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/documents"
	"signalbox/internal/realollama"
	"signalbox/internal/simgpu"
	"signalbox/internal/store"
	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

// put writes a document of project p.
func (s *system) put(id, key string, data []byte) contract.Document {
	s.t.Helper()
	require.NoError(s.t, s.docs.WriteDocument(s.ctx, "p", key, data))
	return contract.Document{ID: id, Key: key}
}

// output reads what a stage has written for a document of project p.
func (s *system) output(batch, id, stage string, into any) contract.StageOutput {
	s.t.Helper()
	var out contract.StageOutput
	require.NoError(s.t, s.docs.ReadJSON(s.ctx, store.StageKey("p", batch, id, stage), &out))
	require.Equal(s.t, id, out.DocumentID)
	require.NoError(s.t, json.Unmarshal(out.Output, into))
	return out
}

// checkVectors looks at a document's vectors: they cover its text.
func (s *system) checkVectors(batch, id, text string, dimensions int) {
	s.t.Helper()
	var summary contract.EmbedOutput
	s.output(batch, id, contract.StageEmbedDocument, &summary)
	data, err := s.docs.ReadDocument(s.ctx, "p", summary.Vectors, 1<<26)
	require.NoError(s.t, err)
	runes, n := []rune(text), 0
	for dec := json.NewDecoder(bytes.NewReader(data)); dec.More(); n++ {
		var v contract.PassageVector
		require.NoError(s.t, dec.Decode(&v))
		require.Equal(s.t, n, v.Passage)
		require.Len(s.t, v.Vector, dimensions)
		require.Equal(s.t, string(runes[v.Start:v.End]), v.Text)
	}
	require.Equal(s.t, summary.Passages, n)
	require.Positive(s.t, n)
}

// needPoppler skips, loudly, where PDF documents cannot be read.
func needPoppler(t *testing.T) {
	t.Helper()
	if _, err := documents.FindPoppler(); err != nil {
		t.Skip("SKIPPED, PDF DOCUMENTS NOT TESTED: " + err.Error())
	}
}

func imageText(image []byte) string {
	return fmt.Sprintf("Simulated text of image %s (%d x %d pixels)", simgpu.Hash(string(image)), testdoc.Width, testdoc.Height)
}

// TestEveryStageAndContentTypeSimulated: OCR runs on the simulated Ollama only,
// because the models of the tests cannot see.
func TestEveryStageAndContentTypeSimulated(t *testing.T) {
	needPoppler(t)
	s := running(t)
	const layer = "Title: Method statement for the piles of the bridge\nDiscipline: Structural\n"
	long := strings.Repeat(letter("DOC-1")+"\n", 100)
	docs := []contract.Document{
		s.put("text", "in/a.txt", []byte(long)),
		s.put("photo/1", "in/b.png", testdoc.PNG(1)),
		s.put("โฟโต 2", "in/c.jpg", testdoc.JPEG(2)),
		s.put("layer", "in/d.pdf", testdoc.PDF(layer, layer)),
		s.put("scan", "in/e.pdf", testdoc.ScannedPDF(3, 4, 5)),
		s.put("broken", "in/f.pdf", []byte("no PDF")),
	}
	in := contract.BatchInput{ProjectID: "p", Stages: contract.Stages(), Documents: docs, Options: contract.BatchOptions{OCR: contract.OCROptions{MaxPages: 2}}}
	_, err := s.StartBatch(s.ctx, "b", in)
	require.NoError(t, err)
	r := s.endBatch("b")
	require.Equal(t, 5, r.Done)
	require.Equal(t, 1, r.Failed)
	require.Equal(t, "broken", r.Failures[0].ID)
	require.Contains(t, r.Failures[0].Reason, "cannot be read as PDF")

	var read contract.OCROutput
	s.output("b", "text", contract.StageOCR, &read)
	require.Equal(t, contract.OCROutput{Origin: contract.TextDocument, Text: long}, read)
	out := s.output("b", "photo/1", contract.StageOCR, &read)
	require.Equal(t, imageText(testdoc.PNG(1)), read.Text)
	require.True(t, out.Simulated)
	s.output("b", "โฟโต 2", contract.StageOCR, &read)
	require.Equal(t, imageText(testdoc.JPEG(2)), read.Text)
	s.output("b", "layer", contract.StageOCR, &read)
	require.Equal(t, contract.TextLayer, read.Origin)
	require.Contains(t, read.Text, "Method statement for the piles")
	out = s.output("b", "scan", contract.StageOCR, &read)
	require.Equal(t, 2, read.Pages)
	require.Equal(t, 3, read.TotalPages)
	require.True(t, out.Input.Truncated, "it says that there were more pages")
	require.Len(t, strings.Split(read.Text, "\n\n"), 2)

	var fields contract.SuggestOutput
	s.output("b", "layer", contract.StageExtractMetadata, &fields)
	require.Equal(t, "Method statement for the piles of the bridge", fields.Fields["title"].Value)
	s.checkVectors("b", "text", long, 768)
	s.checkVectors("b", "scan", read.Text, 768)

	// Models are switched once for a chunk, not for each document.
	require.Equal(t, 1, s.gpu.switches())
	require.Zero(t, s.gpu.overlapped())

	// Page images are gone, and no job ever reads a page again.
	prepared := 0
	s.gpu.mu.Lock()
	for _, c := range s.gpu.calls {
		if strings.HasPrefix(c.Marker, "IMAGE-") {
			prepared++
		}
	}
	s.gpu.mu.Unlock()
	require.Equal(t, 4, prepared, "two images and two pages")
	hash := store.HashText(string(testdoc.ScannedPDF(3, 4, 5)))
	left, err := s.docs.Exists(s.ctx, store.PageImageKey("p", hash, 1))
	require.NoError(t, err)
	require.False(t, left)
	before := s.gpu.begun()
	in.Stages, in.Documents = []string{contract.StageOCR}, docs[:5]
	_, err = s.StartBatch(s.ctx, "again", in)
	require.NoError(t, err)
	require.Equal(t, 5, s.endBatch("again").Done)
	require.Equal(t, before, s.gpu.begun())
}

// TestPreemptionRepeatsOneCallSimulated: of a stage with many calls those that
// have finished stay done. The call that is preempted is held on the GPU until it
// is.
func TestPreemptionRepeatsOneCallSimulated(t *testing.T) {
	needPoppler(t)
	s := running(t)
	ended := func(id string) {
		r := s.endBatch(id)
		require.Equal(t, 1, r.Done)
		require.Equal(t, 1, r.Preemptions)
		for name, n := range s.gpu.finished() {
			require.Equal(t, 1, n, "%s was finished more than once", name)
		}
		require.Zero(t, s.gpu.overlapped())
	}

	s.gpu.stays = func(c *call) bool { return len(s.gpu.calls) == 3 }
	scan := batchOf("p", []contract.Document{s.put("scan", "scan.pdf", testdoc.ScannedPDF(1, 2, 3, 4, 5, 6))})
	scan.Stages = []string{contract.StageOCR}
	_, err := s.StartBatch(s.ctx, "scan", scan)
	require.NoError(t, err)
	s.gpu.await(s.ctx, t, "the third page on the GPU", func() bool {
		return len(s.gpu.calls) == 3 && len(s.gpu.onGPU("IMAGE-")) == 1
	})
	s.answer("r1", "REQ-1")
	ended("scan")

	var long string // whose passages name different letters
	for i := range 1000 {
		long += letter(fmt.Sprintf("DOC-%04d", i)) + "\n"
	}
	before := s.gpu.begun()
	s.gpu.mu.Lock()
	s.gpu.stays = func(c *call) bool { return len(s.gpu.calls) == before+3 }
	s.gpu.mu.Unlock()
	text := batchOf("p", []contract.Document{s.put("text", "text.txt", []byte(long))})
	text.Stages = []string{contract.StageEmbedDocument}
	_, err = s.StartBatch(s.ctx, "text", text)
	require.NoError(t, err)
	s.gpu.await(s.ctx, t, "the third call for vectors on the GPU", func() bool {
		return len(s.gpu.calls) == before+3 && len(s.gpu.onGPU("DOC-")) == 1
	})
	s.answer("r2", "REQ-2")
	ended("text")
	s.checkVectors("text", "text", long, 768)
	leftover, err := s.docs.Exists(s.ctx, store.StageKey("p", "text", "text", contract.StageEmbedDocument)+".calls")
	require.NoError(t, err)
	require.False(t, leftover)
}

// TestStagesReal: fields and vectors by a real Ollama, which changes its model.
func TestStagesReal(t *testing.T) {
	needPoppler(t)
	s := runningReal(t)
	const layer = "Method statement for the piles of the bridge, with a text layer that is long enough."
	in := s.batchOf("p", []contract.Document{
		s.put("text", "in/a.txt", []byte(strings.Repeat(letter("DOC-1"), 4))), s.put("layer", "in/d.pdf", testdoc.PDF(layer)),
	})
	in.Stages = []string{contract.StageExtractMetadata, contract.StageEmbedDocument}
	_, err := s.StartBatch(s.ctx, "b", in)
	require.NoError(t, err)
	r := s.endBatch("b")
	require.Equal(t, 2, r.Done)
	require.False(t, r.Simulated)
	s.checkDocuments("p", "b", in.Documents)
	s.checkVectors("b", "text", strings.Repeat(letter("DOC-1"), 4), realollama.Dimensions)
	require.Equal(t, 1, s.gpu.switches())
	require.Zero(t, s.gpu.overlapped())
}
