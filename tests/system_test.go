package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"signalbox/internal/calendar"
	"signalbox/internal/config"
	"signalbox/internal/devserver"
	"signalbox/internal/simgpu"
	"signalbox/internal/store"
	"signalbox/internal/telemetry"
	"signalbox/starter"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// patience bounds every wait; the things waited for take a tenth of it or less.
const patience = 2 * time.Minute

// system is one Signalbox in this process, on the simulated Ollama and card or
// on a real Ollama.
type system struct {
	*starter.Starter
	t       *testing.T
	ctx     context.Context
	cfg     config.Config
	address string // of Temporal
	client  client.Client
	sim     *simgpu.Server // nil on a real Ollama
	gpu     *recorder
	fields  []string // that documents and requests ask for; all unless given
	docs    *store.Store
	// telemetry of the workers; nil for none.
	telemetry *telemetry.Telemetry
	log       io.Writer // of the workers; nil for nowhere
}

// simSpeed makes a document of about 5 s take about a quarter of one.
const simSpeed = 20

// newSystem starts a Temporal server and a simulated Ollama, and no worker yet.
func newSystem(t *testing.T, change ...func(*config.Config)) *system {
	t.Helper()
	sim, gpu := simulatedGPU(t)
	return systemOn(t, sim, gpu, change...)
}

// systemOn is a system on a model server behind a recorder.
func systemOn(t *testing.T, sim *simgpu.Server, gpu *recorder, change ...func(*config.Config)) *system {
	t.Helper()
	s := systemAt(t, gpu, startServer(t, contract.SearchAttributes()).Address(), change...)
	s.sim = sim
	return s
}

// newSystemWith is a system whose Temporal has these search attributes.
func newSystemWith(t *testing.T, attributes map[string]enumspb.IndexedValueType) *system {
	t.Helper()
	sim, gpu := simulatedGPU(t)
	s := systemAt(t, gpu, startServer(t, attributes).Address())
	s.sim = sim
	return s
}

// startServer starts an embedded Temporal server.
func startServer(t *testing.T, attributes map[string]enumspb.IndexedValueType) *devserver.Server {
	t.Helper()
	server := startServerIn(t, t.TempDir(), attributes)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// startServerIn starts an embedded Temporal server on a state folder; the caller stops
// it.
func startServerIn(t *testing.T, dir string, attributes map[string]enumspb.IndexedValueType) *devserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := devserver.Start(ctx, devserver.Options{
		StateDir: dir, FrontendPort: freePort, UIPort: devserver.NoPort, Logger: logger(), SearchAttributes: attributes,
	})
	require.NoError(t, err)
	return server
}

// systemAt is a system on the Temporal server at an address.
func systemAt(t *testing.T, gpu *recorder, address string, change ...func(*config.Config)) *system {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rounds(t))*patience)
	t.Cleanup(cancel)
	dir := t.TempDir()
	cfg := config.Simulated()
	cfg.Ollama.Host = gpu.URL
	cfg.State.Dir = t.TempDir()
	url, err := config.StoreURL(filepath.Join(dir, "store"))
	require.NoError(t, err)
	cfg.Store.URL = url
	cfg.RFA.Mail.Outbox = filepath.Join(dir, "mail")
	for _, c := range change {
		c(&cfg)
	}
	docs, err := store.Open(ctx, cfg.Store.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = docs.Close() })

	c, err := client.Dial(workers.Connection(client.Options{HostPort: address, Logger: log.NewStructuredLogger(logger())}))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s := &system{
		Starter: starter.New(c), t: t, ctx: ctx, cfg: cfg, address: address, client: c, gpu: gpu, docs: docs,
	}
	t.Cleanup(s.tell)
	t.Cleanup(s.replay)
	return s
}

// tell says, where a test has failed, how things stood.
func (s *system) tell() {
	if !s.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := s.Status(ctx, contract.DefaultGPU)
	text, _ := json.Marshal(st) // plain data
	s.t.Logf("the scheduler: %s (error %v)", text, err)
	for _, j := range st.Jobs {
		p, err := s.Progress(ctx, j.ID)
		docs, _ := s.Documents(ctx, j.ID, contract.DocumentsQuery{})
		s.t.Logf("job %s: %+v (error %v), documents %+v", j.ID, p, err, docs.Documents)
	}
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	for _, c := range s.gpu.calls {
		s.t.Logf("call %+v, running %v", *c, s.gpu.running[c])
	}
}

// simulatedGPU is a simulated Ollama and card behind a recorder.
func simulatedGPU(t *testing.T, change ...func(*simgpu.Config)) (*simgpu.Server, *recorder) {
	t.Helper()
	cfg := simgpu.Default()
	cfg.Speed = simSpeed
	for _, c := range change {
		c(&cfg)
	}
	sim := simgpu.New(cfg)
	url, err := sim.Start("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = sim.Close() })
	return sim, record(t, url)
}

// freePort asks the server for any port.
const freePort = 0

// logger is silent unless SIGNALBOX_TEST_LOG is set.
func logger() *slog.Logger {
	var w io.Writer = io.Discard
	if os.Getenv("SIGNALBOX_TEST_LOG") != "" {
		w = os.Stderr
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// run takes roles on and waits until they serve. stop ends them and waits.
func (s *system) run(roles ...workers.Role) (stop func()) {
	s.t.Helper()
	ready, over, stop := s.begin(roles...)
	select {
	case <-ready:
	case <-over:
		s.t.FailNow()
	case <-s.ctx.Done():
		require.FailNow(s.t, "the workers did not begin")
	}
	return stop
}

// begin takes roles on; ready is closed when they serve, over when they have ended.
func (s *system) begin(roles ...workers.Role) (ready, over <-chan struct{}, stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := logger()
	if s.log != nil {
		log = slog.New(slog.NewTextHandler(s.log, nil))
	}
	p := &workers.Process{
		Client: s.client, Namespace: client.DefaultNamespace, Config: s.cfg, Logger: log,
		LockDir: s.cfg.State.Dir, Telemetry: s.telemetry, LoadedAt: time.Now(),
	}
	if s.sim != nil {
		p.Card = s.sim.Measure
	}
	serving, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.Run(ctx, roles, func() { close(serving) }); err != nil {
			s.t.Errorf("the workers ended: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	s.t.Cleanup(stop)
	return serving, ended, stop
}

// running is a system with every role.
func running(t *testing.T, change ...func(*config.Config)) *system {
	t.Helper()
	s := newSystem(t, change...)
	s.run(workers.AllRoles()...)
	return s
}

// letter is a document that says which one it is.
func letter(number string) string {
	return fmt.Sprintf(`Siam Bridge Engineering

Title: Letter %[1]s about the bridge
Document number: %[1]s
Document type: Letter
Discipline: Structural
`, number)
}

// documents writes n documents into a project's store.
func (s *system) documents(project string, n int) []contract.Document {
	s.t.Helper()
	var list []contract.Document
	for i := range n {
		number := fmt.Sprintf("DOC-%04d", i)
		d := contract.Document{ID: "งาน 7/" + number, Key: "in/" + number + ".txt"}
		require.NoError(s.t, s.docs.WriteDocument(s.ctx, project, d.Key, []byte(letter(number))))
		list = append(list, d)
	}
	return list
}

func batchOf(project string, docs []contract.Document) contract.BatchInput {
	return contract.BatchInput{ProjectID: project, Stages: []string{contract.StageExtractMetadata}, Documents: docs}
}

func suggestion(number string) contract.RevisionInput {
	return contract.RevisionInput{Task: contract.TaskSuggest, DocumentID: number, Text: letter(number)}
}

// batchOf is batchOf with the fields of this system.
func (s *system) batchOf(project string, docs []contract.Document) contract.BatchInput {
	in := batchOf(project, docs)
	in.Options.Extract.Fields = s.fields
	return in
}

func (s *system) suggestion(number string) contract.RevisionInput {
	in := suggestion(number)
	in.Fields = s.fields
	return in
}

// startBatch starts a job of project p.
func (s *system) startBatch(id string, docs []contract.Document) {
	s.t.Helper()
	_, err := s.StartBatch(s.ctx, id, batchOf("p", docs))
	require.NoError(s.t, err)
}

// endBatch waits for a job's result.
func (s *system) endBatch(id string) contract.BatchResult {
	s.t.Helper()
	r, err := s.Batch(s.ctx, id)
	require.NoError(s.t, err)
	return r
}

// documentOnGPU waits until a document is on the GPU.
func (s *system) documentOnGPU() {
	s.t.Helper()
	s.gpu.await(s.ctx, s.t, "a document on the GPU", func() bool { return len(s.gpu.onGPU("DOC-")) == 1 })
}

// answer starts a realtime request, waits, and checks its answer.
func (s *system) answer(key, number string) {
	s.t.Helper()
	_, err := s.StartRevision(s.ctx, key, suggestion(number))
	require.NoError(s.t, err)
	r, err := s.Revision(s.ctx, key)
	require.NoError(s.t, err)
	s.checkFields(r.Output, number)
}

// directives counts the holds and the opens that a job was sent.
func (s *system) directives(id string) (holds, opens int) {
	s.t.Helper()
	it := s.client.GetWorkflowHistory(s.ctx, id, "", false, 0)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(s.t, err)
		signal := e.GetWorkflowExecutionSignaledEventAttributes()
		if signal.GetSignalName() != contract.SignalDirective {
			continue
		}
		var d contract.Directive
		require.NoError(s.t, json.Unmarshal(signal.GetInput().GetPayloads()[0].GetData(), &d))
		if d.Open {
			opens++
		} else {
			holds++
		}
	}
	return holds, opens
}

// closedWindow is a schedule whose window never opens.
func closedWindow(c *config.Config) { c.Schedule.Windows = []calendar.Window{} }
