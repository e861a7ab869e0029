package device_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/simgpu"
	"signalbox/workflows/contract"
)

var (
	gemma = ollama.Model{Name: "gemma4:e4b", ContextTokens: 4096, KeepAlive: time.Minute}
	nomic = ollama.Model{Name: "nomic-embed-text", ContextTokens: 2048, KeepAlive: time.Minute, Embedding: true}
)

// keeping is a keeper of a simulated card.
type keeping struct {
	*device.Keeper
	t      *testing.T
	sim    *simgpu.Server
	server *ollama.Runtime
	// spoil changes what is measured of the card.
	spoil func(device.Reading) device.Reading
}

func keep(t *testing.T, change ...func(*simgpu.Config, *device.KeeperOptions)) *keeping {
	t.Helper()
	cfg := simgpu.Default()
	cfg.Speed = 1000
	cfg.Models = append(cfg.Models, simgpu.Model{Name: "foreign:latest", Bytes: 1e9, TokenRate: 40, PromptRate: 800, ContextTokens: 2048})
	opt := device.KeeperOptions{
		Models: []ollama.Model{gemma, nomic}, KeepWarm: time.Minute, ReleaseWithin: 300 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Budget: device.Budget{Margin: 3e9, LeastFree: 5e8, Declared: map[string]int64{"gemma4:e4b": 45e8, "nomic-embed-text:latest": 5e8}},
	}
	for _, c := range change {
		c(&cfg, &opt)
	}
	sim := simgpu.New(cfg)
	url, err := sim.Start("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = sim.Close() })
	limits := ollama.Limits{Load: time.Minute, Prompt: time.Minute, Generate: time.Minute, Stall: time.Minute}
	server, err := ollama.New(url, limits)
	require.NoError(t, err)
	k := &keeping{t: t, sim: sim, server: server}
	opt.Server, opt.Card = server, func() device.Reading {
		r := sim.Measure()
		if k.spoil != nil {
			r = k.spoil(r)
		}
		return r
	}
	k.Keeper, err = device.NewKeeper(opt)
	require.NoError(t, err)
	return k
}

// looks is the probe's look while nothing runs.
func (k *keeping) looks() *device.Refusal {
	k.t.Helper()
	loaded, err := k.server.Loaded(k.t.Context())
	require.NoError(k.t, err)
	_, no := k.Look(k.t.Context(), loaded, true, true)
	return no
}

func (k *keeping) prepare(class contract.Class, m ollama.Model) (time.Duration, error) {
	return k.Prepare(k.t.Context(), class, m)
}

// job prepares a model and cleans up after it, as a run does.
func (k *keeping) job(class contract.Class, m ollama.Model) contract.Cleanup {
	k.t.Helper()
	_, err := k.prepare(class, m)
	require.NoError(k.t, err)
	return k.Clean(k.t.Context(), class, m)
}

func (k *keeping) loaded() (names []string) {
	loaded, err := k.server.Loaded(k.t.Context())
	require.NoError(k.t, err)
	for _, l := range loaded {
		names = append(names, l.Name)
	}
	return names
}

func TestOneModelIsOnTheCard(t *testing.T) {
	k := keep(t, func(c *simgpu.Config, _ *device.KeeperOptions) { c.MaxLoaded = 3 })
	took, err := k.prepare(contract.Batch, gemma)
	require.NoError(t, err)
	require.Positive(t, took)
	took, err = k.prepare(contract.Batch, gemma)
	require.NoError(t, err)
	require.Zero(t, took, "it was there")
	_, err = k.prepare(contract.Batch, nomic)
	require.NoError(t, err)
	require.Equal(t, []string{"nomic-embed-text:latest"}, k.loaded())

	// Somebody else's model leaves too, before a run and after it.
	_, err = k.server.Load(t.Context(), ollama.Model{Name: "foreign", KeepAlive: time.Hour})
	require.NoError(t, err)
	require.Len(t, k.loaded(), 2)
	c := k.job(contract.Batch, nomic)
	require.Equal(t, []string{"nomic-embed-text:latest"}, k.loaded())
	require.Equal(t, contract.Cleanup{Kept: "nomic-embed-text:latest", KeptWhy: "for the next document", TookMs: c.TookMs}, c)
	_, err = k.server.Load(t.Context(), ollama.Model{Name: "foreign", KeepAlive: time.Hour})
	require.NoError(t, err)
	c = k.Clean(t.Context(), contract.Realtime, nomic)
	require.EqualValues(t, 1e9, c.FreedBytes)
	require.Equal(t, "warm for the next request", c.KeptWhy)
	require.Equal(t, []string{"nomic-embed-text:latest"}, k.loaded())
}

// TestAModelKeptOffTheCardStays beside the one that is on it.
func TestAModelKeptOffTheCardStays(t *testing.T) {
	off := nomic
	off.CPU = true
	k := keep(t, func(c *simgpu.Config, o *device.KeeperOptions) {
		c.MaxLoaded, o.Models = 2, []ollama.Model{gemma, off}
	})
	for _, m := range []ollama.Model{gemma, off, gemma, off} {
		k.job(contract.Realtime, m)
	}
	require.Len(t, k.loaded(), 2)
	require.EqualValues(t, 2, k.sim.Stats().Loads)
}

func TestKeepWarmOfZeroUnloadsAfterARequest(t *testing.T) {
	k := keep(t, func(_ *simgpu.Config, o *device.KeeperOptions) { o.KeepWarm = 0 })
	k.looks()
	c := k.job(contract.Realtime, gemma)
	require.Equal(t, contract.Cleanup{FreedBytes: 45e8, TookMs: c.TookMs}, c)
	require.Empty(t, k.loaded())
	require.Equal(t, "gemma4:e4b", k.job(contract.Batch, gemma).Kept, "batch keeps it from one document to the next")
}

// TestMemoryEndsWhereItBegan after jobs that alternate between two models.
func TestMemoryEndsWhereItBegan(t *testing.T) {
	k := keep(t)
	before := k.sim.Card()
	n := 50
	if os.Getenv("SIGNALBOX_SOAK") != "" {
		n = 500
	}
	for i := range n {
		c := k.job(contract.Batch, []ollama.Model{gemma, nomic}[i%2])
		require.Empty(t, c.Leaked)
		require.Empty(t, c.Problem)
	}
	require.NoError(t, k.server.Unload(t.Context(), nomic.Name))
	require.Eventually(t, func() bool { return k.sim.Card() == before }, 20*time.Second, time.Millisecond)
	require.Nil(t, k.looks())
}

// TestALeakIsNoticedWithinAJob on a card that names its processes, and batch stays
// away until the memory is back.
func TestALeakIsNoticedWithinAJob(t *testing.T) {
	k := keep(t)
	require.Nil(t, k.looks())
	require.Empty(t, k.job(contract.Batch, gemma).Leaked)
	k.sim.SetFaults(simgpu.Faults{LeakBytes: 200 << 20})
	c := k.job(contract.Batch, nomic)
	require.Contains(t, c.Leaked, "0.2 GiB are still on the card with no model loaded: ollama (process 4242) 0.2 GiB; restart Ollama")
	require.Equal(t, contract.AdmitRealtime, k.looks().Admits)
	require.Contains(t, k.looks().Reason, "restart Ollama")
	k.sim.Restart()
	require.Nil(t, k.looks(), "Ollama was restarted")
}

// TestALeakIsNoticedWithinThreeJobs on a card that names none.
func TestALeakIsNoticedWithinThreeJobs(t *testing.T) {
	k := keep(t, func(c *simgpu.Config, _ *device.KeeperOptions) { c.Card.Nameless = true })
	require.Nil(t, k.looks())
	k.job(contract.Batch, gemma)
	k.job(contract.Batch, nomic)
	k.sim.SetFaults(simgpu.Faults{LeakBytes: 200 << 20})
	for i := range 3 {
		require.Empty(t, k.warnings(), i)
		k.job(contract.Batch, []ollama.Model{gemma, nomic}[i%2])
	}
	require.Contains(t, k.warnings()[0], "grown at 3 cleanups in a row, by 0.6 GiB")
}

func (k *keeping) warnings() []string {
	r, _ := k.Look(k.t.Context(), nil, true, true)
	_, warnings := k.Report(r, nil)
	return warnings
}

// TestAForeignProgramOnlyDelaysBatch: it is named, and requests go on.
func TestAForeignProgramOnlyDelaysBatch(t *testing.T) {
	k := keep(t)
	require.Nil(t, k.looks())
	k.sim.SetFaults(simgpu.Faults{ForeignBytes: 3 << 30})
	no := k.looks()
	require.Equal(t, contract.AdmitRealtime, no.Admits)
	require.Contains(t, no.Reason, "another-program (process 1717) 3.0 GiB")
	_, err := k.prepare(contract.Batch, gemma)
	require.Equal(t, ollama.KindNoRoom, ollama.KindOf(err))
	require.ErrorContains(t, err, "needs 4.2 GiB (declared) beside a margin of 2.8 GiB; 4.6 GiB of 8.0 GiB are free")
	_, err = k.prepare(contract.Realtime, gemma)
	require.NoError(t, err)
	require.Equal(t, contract.AdmitRealtime, k.looks().Admits, "also while the model is there")
	k.sim.SetFaults(simgpu.Faults{})
	require.Nil(t, k.looks())
	k.sim.SetFaults(simgpu.Faults{ForeignBytes: 7600 << 20})
	require.Equal(t, contract.AdmitNothing, k.looks().Admits)
}

// TestAModelThatFallsBackToTheCPUIsAnOutage, and the next attempt finds the card again.
func TestAModelThatFallsBackToTheCPUIsAnOutage(t *testing.T) {
	k := keep(t)
	k.job(contract.Batch, gemma)
	k.job(contract.Batch, nomic)
	k.sim.SetFaults(simgpu.Faults{CPU: true})
	_, err := k.prepare(contract.Realtime, gemma)
	require.Equal(t, ollama.KindLoad, ollama.KindOf(err))
	require.ErrorContains(t, err, "has fallen back to the CPU")
	require.Eventually(t, func() bool { return len(k.loaded()) == 0 }, 20*time.Second, time.Millisecond, "it does not stay there")
	k.sim.SetFaults(simgpu.Faults{})
	_, err = k.prepare(contract.Realtime, gemma)
	require.NoError(t, err)
}

func TestFootprintsAreLearnedAndKept(t *testing.T) {
	dir := t.TempDir()
	in := func(_ *simgpu.Config, o *device.KeeperOptions) { o.Dir = dir }
	k := keep(t, in)
	k.job(contract.Batch, gemma)
	k.Generated(gemma, 100, 2*time.Second)
	k.job(contract.Batch, nomic)
	models := k.models()
	require.Equal(t, contract.ModelMemory{
		Name: "gemma4:e4b", DeclaredBytes: 45e8, LearnedBytes: 45e8, LearnedCardBytes: 45e8, TokensPerSecond: 50,
	}, models[0])
	require.Equal(t, contract.ModelMemory{
		Name: "nomic-embed-text", DeclaredBytes: 5e8, LearnedBytes: 5e8, LearnedCardBytes: 5e8, Loaded: true, Bytes: 5e8, CardBytes: 5e8,
	}, models[1])
	require.Equal(t, models[0], keep(t, in).models()[0], "after a restart too")

	path := filepath.Join(dir, "footprints.json")
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err := device.NewKeeper(device.KeeperOptions{Dir: dir})
	require.ErrorContains(t, err, "footprints.json is damaged")
}

func (k *keeping) models() []contract.ModelMemory {
	loaded, err := k.server.Loaded(context.Background())
	require.NoError(k.t, err)
	models, _ := k.Report(device.Reading{}, loaded)
	return models
}

// TestADeadEntryIsLoadedAgain: Ollama lists a model whose runner has died until the
// next request.
func TestADeadEntryIsLoadedAgain(t *testing.T) {
	k := keep(t)
	k.job(contract.Batch, gemma)
	k.sim.SetFaults(simgpu.Faults{DeadEntries: true})
	took, err := k.prepare(contract.Batch, gemma)
	require.NoError(t, err)
	require.Positive(t, took)
}

func TestAServerThatDoesNotLetGoIsAnError(t *testing.T) {
	k := keep(t)
	k.job(contract.Batch, gemma)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	k.sim.SetFaults(simgpu.Faults{KeepsLoaded: true})
	_, err := k.Prepare(ctx, contract.Batch, nomic)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	k.sim.SetFaults(simgpu.Faults{Down: true})
	require.NotEmpty(t, k.Clean(t.Context(), contract.Batch, gemma).Problem)
}

func TestHowLongAModelStays(t *testing.T) {
	for _, c := range []struct {
		warm      time.Duration
		class     contract.Class
		closedFor time.Duration
		want      time.Duration
	}{
		{5 * time.Minute, contract.Realtime, 0, 5 * time.Minute},
		{5 * time.Minute, contract.Realtime, 3 * time.Hour, 3*time.Hour + time.Minute}, // office hours
		{5 * time.Minute, contract.Batch, 3 * time.Hour, 5 * time.Minute},
		{0, contract.Realtime, 3 * time.Hour, time.Minute}, // the cleanup unloads it sooner
		{0, contract.Batch, 0, time.Minute},                // from one document to the next
	} {
		k, err := device.NewKeeper(device.KeeperOptions{KeepWarm: c.warm})
		require.NoError(t, err)
		require.Equal(t, c.want, k.KeepAlive(c.class, c.closedFor))
	}
}

// TestAModelThatIsOnTheCPUAlready is no better than one that is loaded there.
func TestAModelThatIsOnTheCPUAlready(t *testing.T) {
	k := keep(t)
	k.job(contract.Batch, gemma)
	k.job(contract.Batch, nomic)
	k.sim.SetFaults(simgpu.Faults{CPU: true})
	_, err := k.server.Load(t.Context(), gemma)
	require.NoError(t, err)
	k.sim.SetFaults(simgpu.Faults{})
	_, err = k.prepare(contract.Realtime, gemma)
	require.ErrorContains(t, err, "has fallen back to the CPU")
}

// TestALeakBesideALoadedModel is more than that takes: it is unloaded, and what stays
// is the leak.
func TestALeakBesideALoadedModel(t *testing.T) {
	k := keep(t)
	require.Empty(t, k.job(contract.Batch, gemma).Leaked)
	k.spoil = func(r device.Reading) device.Reading {
		const more = 400 << 20
		r.Memory.UsedBytes, r.Memory.FreeBytes = r.Memory.UsedBytes+more, r.Memory.FreeBytes-more
		for i := range r.State.Processes {
			r.State.Processes[i].Bytes += more
			return r
		}
		r.State.Processes = []contract.CardProcess{{PID: 4242, Name: "ollama", Bytes: more}}
		return r
	}
	c := k.job(contract.Batch, gemma)
	require.Contains(t, c.Leaked, "0.4 GiB are still on the card with no model loaded")
	require.Empty(t, c.Kept)
	require.Equal(t, contract.AdmitRealtime, k.looks().Admits)
}

// TestWhatOthersFreeMeanwhileIsNotLearned as what a model takes.
func TestWhatOthersFreeMeanwhileIsNotLearned(t *testing.T) {
	k := keep(t, func(c *simgpu.Config, _ *device.KeeperOptions) { c.Card.Nameless = true })
	k.sim.SetFaults(simgpu.Faults{ForeignBytes: 3 << 30})
	looks := 0
	k.spoil = func(r device.Reading) device.Reading {
		if looks++; looks > 1 { // before the load, and after it
			r.Memory.UsedBytes -= 6 << 30
		}
		return r
	}
	k.job(contract.Realtime, gemma)
	require.EqualValues(t, 45e8, k.models()[0].LearnedCardBytes, "as the server says")
}

// TestEachErrorOfTheCardIsSeenOnce by the probe, whoever measures the card when it comes.
func TestEachErrorOfTheCardIsSeenOnce(t *testing.T) {
	k := keep(t)
	told := false
	k.spoil = func(r device.Reading) device.Reading {
		if !told {
			told, r.Xids = true, []device.Xid{{Number: 119}}
		}
		return r
	}
	k.job(contract.Realtime, gemma)
	require.True(t, told)
	r, _ := k.Look(t.Context(), nil, true, true)
	require.Equal(t, []device.Xid{{Number: 119}}, r.Xids)
	r, _ = k.Look(t.Context(), nil, true, true)
	require.Empty(t, r.Xids)
}

// TestInAContainerTheModelIsNotLoadedAgain: there the card names programs that it knows
// no name of, or none, and that is no sign that the model is gone.
func TestInAContainerTheModelIsNotLoadedAgain(t *testing.T) {
	k := keep(t)
	k.spoil = func(r device.Reading) device.Reading {
		for i := range r.State.Processes {
			r.State.Processes[i].Name = ""
		}
		return r
	}
	require.Nil(t, k.looks())
	for range 3 {
		require.Empty(t, k.job(contract.Batch, gemma).Leaked)
		require.Nil(t, k.looks())
	}
	require.EqualValues(t, 1, k.sim.Stats().Loads)
	require.Empty(t, k.job(contract.Batch, nomic).Leaked)
	require.EqualValues(t, 45e8, k.models()[0].LearnedCardBytes)
}
