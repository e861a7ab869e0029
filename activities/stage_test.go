package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"signalbox/activities"
	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

// fakeServer answers as its functions say; nil ones answer well.
type fakeServer struct {
	load     func() error
	generate func(n int, c ollama.Call) (ollama.Answer, error)
	calls    int
}

func (f *fakeServer) Loaded(context.Context) ([]ollama.Loaded, error) { return nil, nil }

func (f *fakeServer) Unload(context.Context, string) error { return nil }

func (f *fakeServer) Load(context.Context, ollama.Model) (time.Duration, error) {
	if f.load != nil {
		return 0, f.load()
	}
	return 0, nil
}

func (f *fakeServer) Generate(ctx context.Context, c ollama.Call) (ollama.Answer, error) {
	f.calls++
	if f.generate != nil {
		return f.generate(f.calls, c)
	}
	return answered(c), ctx.Err()
}

func (f *fakeServer) Embed(_ context.Context, c ollama.EmbedCall) (ollama.Vectors, error) {
	f.calls++
	v := ollama.Vectors{}
	for i := range c.Texts {
		v.Vectors = append(v.Vectors, []float32{float32(i), 1})
	}
	return v, nil
}

func answered(c ollama.Call) ollama.Answer {
	if len(c.Format) > 0 {
		return ollama.Answer{Text: `{"title":{"value":"T","confidence":0.9,"evidence":""}}`}
	}
	return ollama.Answer{Text: fmt.Sprintf("text of %d bytes", len(c.Images[0]))}
}

func failing(kind ollama.Kind) func(int, ollama.Call) (ollama.Answer, error) {
	return func(int, ollama.Call) (ollama.Answer, error) {
		return ollama.Answer{}, &ollama.Error{Kind: kind, Model: "m", Err: errors.New("as the test wants it")}
	}
}

// rig is a GPU worker's activities on a device that has its claim.
type rig struct {
	t      *testing.T
	gpu    *activities.GPU
	server *fakeServer
	beats  atomic.Int32
}

func newRig(t *testing.T) *rig {
	docs, err := store.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { _ = docs.Close() })
	dev, err := device.New(device.Options{GPU: "g", Host: "h"})
	require.NoError(t, err)
	prompts, err := tasks.LoadPrompts("")
	require.NoError(t, err)
	server := &fakeServer{}
	keeper, err := device.NewKeeper(device.KeeperOptions{Server: server})
	require.NoError(t, err)
	r := &rig{t: t, server: server, gpu: &activities.GPU{
		Device: dev, Server: server, Memory: keeper, Store: docs,
		Tasks: &tasks.Maker{
			Prompts: prompts, MaxOutput: 512, Estimator: tasks.NewEstimator(3),
			Model:    ollama.Model{Name: "m", ContextTokens: 2048},
			Embedder: &tasks.Embedder{Model: ollama.Model{Name: "e"}, CharsPerToken: 3},
		},
	}}
	r.claim(0)
	return r
}

// claim begins a tenure with a heartbeat of some age, and has the first gate.
func (r *rig) claim(age time.Duration) {
	r.gpu.Device.Claim("i", age)
	_, err := r.gpu.Device.SetGate(contract.Gate{Token: 1, Change: 1})
	require.NoError(r.t, err)
}

func (r *rig) put(key string, data []byte) {
	require.NoError(r.t, r.gpu.Store.WriteDocument(r.t.Context(), "p", key, data))
}

// scan is a PDF document with pages that are rendered.
func (r *rig) scan(pages int) contract.Prepared {
	found := contract.Prepared{ContentHash: "hash", Origin: contract.TextOCR, Pages: pages, TotalPages: pages}
	for n := 1; n <= pages; n++ {
		require.NoError(r.t, r.gpu.Store.Write(r.t.Context(), store.PageImageKey("p", "hash", n), testdoc.PNG(n)))
	}
	return found
}

// stage runs a stage of the document d.txt under a lease of an hour.
func (r *rig) stage(stage string, change ...func(*contract.StageRun)) (contract.StageOutcome, error) {
	r.t.Helper()
	in := contract.StageRun{
		Job: contract.JobRef{WorkflowID: "b", RunID: "r"}, ProjectID: "p", Stage: stage,
		Document: contract.Document{ID: "d", Key: "d.txt", ContentType: contract.ContentTypeText},
		Lease:    contract.Lease{Token: 9, Until: time.Now().Add(time.Hour)},
		Options:  contract.BatchOptions{Extract: contract.ExtractOptions{Fields: []string{"title"}}},
	}
	for _, c := range change {
		c(&in)
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { r.beats.Add(1) })
	env.RegisterActivityWithOptions(r.gpu.RunStage, activity.RegisterOptions{Name: contract.ActivityRunStage})
	value, err := env.ExecuteActivity(contract.ActivityRunStage, in)
	var o contract.StageOutcome
	if err == nil {
		require.NoError(r.t, value.Get(&o))
	}
	return o, err
}

func scanned(found contract.Prepared) func(*contract.StageRun) {
	return func(in *contract.StageRun) {
		in.Document = contract.Document{ID: "s", Key: "s.pdf", ContentType: contract.ContentTypePDF}
		in.Prepared = found
	}
}

func TestOutcomesOfAStage(t *testing.T) {
	good := []byte("Title: T")
	for name, c := range map[string]struct {
		document []byte
		load     func() error
		generate func(int, ollama.Call) (ollama.Answer, error)
		want     contract.Outcome
		reason   string
		calls    int
	}{
		"done":        {good, nil, nil, contract.OutcomeDone, "", 1},
		"no document": {nil, nil, nil, contract.OutcomeFailed, "not found", 0},
		"no text":     {[]byte("a\x00"), nil, nil, contract.OutcomeFailed, "not UTF-8 text", 0},
		"broken once": {good, nil, func(n int, c ollama.Call) (ollama.Answer, error) {
			if n == 1 {
				return ollama.Answer{Text: "no JSON"}, nil
			}
			return answered(c), nil
		}, contract.OutcomeDone, "", 2},
		"broken twice": {good, nil, func(int, ollama.Call) (ollama.Answer, error) {
			return ollama.Answer{Text: "no JSON"}, nil
		}, contract.OutcomeFailed, "broke the schema twice", 2},
		"repeats itself":   {good, nil, failing(ollama.KindOutput), contract.OutcomeFailed, "broke the schema twice", 2},
		"server away":      {good, nil, failing(ollama.KindUnavailable), contract.OutcomeGPUUnavailable, "as the test wants it", 1},
		"refused":          {good, nil, failing(ollama.KindRequest), contract.OutcomeFailed, "as the test wants it", 1},
		"no model":         {good, nil, failing(ollama.KindModelMissing), contract.OutcomeGPUUnavailable, "as the test wants it", 1},
		"always too long":  {good, nil, failing(ollama.KindTooLong), contract.OutcomeFailed, "as the test wants it", 4},
		"too long at once": {good, nil, tooLongUntil(3), contract.OutcomeDone, "", 3},
		"no load": {good, func() error { return &ollama.Error{Kind: ollama.KindLoad, Err: errors.New("out of memory")} }, nil,
			contract.OutcomeGPUUnavailable, "out of memory", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if c.document != nil {
				r.put("d.txt", c.document)
			}
			r.server.generate, r.server.load = c.generate, c.load
			o, err := r.stage(contract.StageExtractMetadata)
			require.NoError(t, err, "an error is only for what is broken")
			require.Equal(t, c.want, o.Outcome, o.Reason)
			require.Contains(t, o.Reason, c.reason)
			require.Equal(t, c.calls, r.server.calls)
			require.Nil(t, r.gpu.Device.State().Run, "the GPU is given back")
		})
	}
}

func tooLongUntil(good int) func(int, ollama.Call) (ollama.Answer, error) {
	return func(n int, c ollama.Call) (ollama.Answer, error) {
		if n < good {
			return failing(ollama.KindTooLong)(n, c)
		}
		return answered(c), nil
	}
}

// TestAServerThatIsAwayKeepsBatchAway: the device is told, and what comes next
// is refused without asking the server again.
func TestAServerThatIsAwayKeepsBatchAway(t *testing.T) {
	r := newRig(t)
	r.put("d.txt", []byte("Title: T"))
	r.server.generate = failing(ollama.KindUnavailable)
	o, err := r.stage(contract.StageExtractMetadata)
	require.NoError(t, err)
	require.True(t, o.Suspect, "the GPU had worked until then")
	require.Equal(t, contract.AdmitRealtime, r.gpu.Device.Health().Admits)
	o, err = r.stage(contract.StageExtractMetadata)
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeGPUUnavailable, o.Outcome)
	require.False(t, o.Suspect)
	require.Equal(t, 1, r.server.calls)
}

func TestWhatIsTooLongIsAskedForShorter(t *testing.T) {
	r := newRig(t)
	r.put("d.txt", []byte(strings.Repeat("some plain words ", 3000)))
	var lengths []int
	r.server.generate = func(n int, c ollama.Call) (ollama.Answer, error) {
		lengths = append(lengths, len(c.Prompt))
		return tooLongUntil(3)(n, c)
	}
	o, err := r.stage(contract.StageExtractMetadata)
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeDone, o.Outcome)
	require.Less(t, lengths[1], lengths[0])
	require.Less(t, lengths[2], lengths[1])
}

func TestAFinishedStageIsNotRunAgain(t *testing.T) {
	r := newRig(t)
	r.put("d.txt", []byte("Title: T"))
	for range 2 {
		o, err := r.stage(contract.StageExtractMetadata)
		require.NoError(t, err)
		require.Equal(t, contract.OutcomeDone, o.Outcome)
	}
	require.Equal(t, 1, r.server.calls)
	o, err := r.stage(contract.StageExtractMetadata, func(in *contract.StageRun) { in.Options.Extract.Fields = []string{"title", "revision"} })
	require.NoError(t, err)
	require.NotEqual(t, contract.OutcomeDone, o.Outcome, "other fields are another question, which this server answers badly")
	require.Greater(t, r.server.calls, 1)
}

// TestTheLeasesEndStopsAStageBetweenTwoCalls: at until a stage stops after the
// model call that it is in, and the next attempt goes on from there.
func TestTheLeasesEndStopsAStageBetweenTwoCalls(t *testing.T) {
	r := newRig(t)
	found := r.scan(3)
	until := time.Now().Add(100 * time.Millisecond)
	r.server.generate = func(n int, c ollama.Call) (ollama.Answer, error) {
		if n == 2 {
			// The second call is the one at the end, by the device's clock.
			assert.Eventually(t, func() bool { return !r.gpu.Device.State().At.Before(until) }, time.Minute, time.Millisecond)
		}
		return answered(c), nil
	}
	o, err := r.stage(contract.StageOCR, scanned(found), func(in *contract.StageRun) { in.Lease.Until = until })
	require.NoError(t, err)
	require.Equal(t, contract.OutcomePreempted, o.Outcome)
	require.True(t, o.LeaseOver)
	require.Equal(t, 2, o.CallsDone)
	require.Equal(t, 2, r.server.calls)

	o, err = r.stage(contract.StageOCR, scanned(found))
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeDone, o.Outcome)
	require.Equal(t, 3, r.server.calls, "the first two pages are not read again")
	ok, err := r.gpu.Store.Exists(t.Context(), store.PageImageKey("p", "hash", 1))
	require.NoError(t, err)
	require.False(t, ok, "page images that have been read are removed")
}

// TestAPageThatMakesTheModelRepeatItselfKeepsWhatWasRead: its output says that
// it was cut.
func TestAPageThatMakesTheModelRepeatItselfKeepsWhatWasRead(t *testing.T) {
	r := newRig(t)
	found := r.scan(2)
	r.server.generate = func(n int, c ollama.Call) (ollama.Answer, error) {
		if n > 2 {
			return answered(c), nil
		}
		_, err := failing(ollama.KindOutput)(n, c)
		return ollama.Answer{Text: "Title: T ----------", Cut: true}, err
	}
	o, err := r.stage(contract.StageOCR, scanned(found))
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeDone, o.Outcome, o.Reason)
	require.Equal(t, 3, r.server.calls, "it is asked once more first")
	var out contract.StageOutput
	require.NoError(t, r.gpu.Store.ReadJSON(t.Context(), store.StageKey("p", "b", "s", contract.StageOCR), &out))
	var read contract.OCROutput
	require.NoError(t, json.Unmarshal(out.Output, &read))
	require.Equal(t, []int{1}, read.Cut)
	require.Contains(t, read.Text, "Title: T")
}

func TestAPageThatIsGoneFailsItsDocument(t *testing.T) {
	r := newRig(t)
	found := r.scan(2)
	require.NoError(t, r.gpu.Store.Remove(t.Context(), store.PageImageKey("p", "hash", 2)))
	o, err := r.stage(contract.StageOCR, scanned(found))
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeFailed, o.Outcome)
	require.Contains(t, o.Reason, "page 2")
}

func TestVectorsAreKeptCallByCall(t *testing.T) {
	r := newRig(t)
	text := strings.Repeat("some plain words ", 3000)
	r.put("d.txt", []byte(text))
	o, err := r.stage(contract.StageEmbedDocument)
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeDone, o.Outcome)
	calls := r.server.calls
	passages := len(r.gpu.Tasks.Embedder.Passages(text))
	require.Equal(t, (passages+tasks.PassagesPerCall-1)/tasks.PassagesPerCall, calls)
	require.Greater(t, calls, 1)

	r.gpu.Tasks.Embedder = nil
	o, err = r.stage(contract.StageEmbedDocument)
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeFailed, o.Outcome)
	require.Contains(t, o.Reason, "models.embed.name")
}

// TestAHostThatThawsAsksBeforeItsFirstModelCall: what it was given before may be over.
// One that is awake does not wait for that answer.
func TestAHostThatThawsAsksBeforeItsFirstModelCall(t *testing.T) {
	r := newRig(t)
	r.put("d.txt", []byte("Title: T"))
	atCall := int32(-1)
	r.server.generate = func(_ int, c ollama.Call) (ollama.Answer, error) {
		atCall = r.beats.Load()
		return answered(c), nil
	}
	_, err := r.stage(contract.StageExtractMetadata)
	require.NoError(t, err)
	require.Zero(t, atCall)

	r.claim(3 * time.Second)
	r.gpu.Device.Acked(0) // 3 s after the heartbeat before
	_, err = r.stage(contract.StageExtractMetadata, func(in *contract.StageRun) { in.Document.ID = "another" })
	require.NoError(t, err)
	require.Positive(t, atCall)
}

func TestABatchRunThatIsRefusedNeverTouchesTheServer(t *testing.T) {
	r := newRig(t)
	r.put("d.txt", []byte("Title: T"))
	_, err := r.gpu.Device.Ring(contract.RequestRef{RunID: "x"}, time.Now())
	require.NoError(t, err)
	o, err := r.stage(contract.StageExtractMetadata)
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeBounced, o.Outcome)
	require.Positive(t, o.RetryAfterMs)
	require.Zero(t, r.server.calls)
}
