package tests

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/workers"
	"signalbox/workflows/contract"
)

// wire is the network between a host and Temporal. It can be cut, so that
// connections end and none can be made, or fall silent, so that nobody is told.
type wire struct {
	net.Listener

	mu      sync.Mutex
	to      string
	cut     bool
	silent  bool
	mended  chan struct{} // closed while nothing is wrong
	ends    map[net.Conn]bool
	running sync.WaitGroup
}

func layWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{Listener: l, to: to, mended: make(chan struct{}), ends: map[net.Conn]bool{}}
	close(w.mended)
	w.running.Go(w.serve)
	t.Cleanup(func() {
		_ = l.Close()
		w.setCut(true)
		w.running.Wait()
	})
	return w
}

func (w *wire) serve() {
	for {
		near, err := w.Accept()
		if err != nil {
			return
		}
		w.running.Go(func() { w.carry(near) })
	}
}

// carry passes on what comes from either end, until one has closed.
func (w *wire) carry(near net.Conn) {
	defer func() { _ = near.Close() }()
	w.mu.Lock()
	to := w.to
	w.mu.Unlock()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	if !w.join(near, far) {
		return
	}
	defer w.leave(near, far)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(gated{way[1], w}, way[0])
			_ = near.Close()
			_ = far.Close()
		})
	}
	both.Wait()
}

// leadTo makes new connections go to another address.
func (w *wire) leadTo(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}

func (w *wire) join(ends ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range ends {
		w.ends[c] = true
	}
	return !w.cut
}

func (w *wire) leave(ends ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range ends {
		delete(w.ends, c)
	}
}

// gated holds back what is written while the wire is silent, as TCP does.
type gated struct {
	net.Conn
	w *wire
}

func (g gated) Write(p []byte) (int, error) {
	g.w.mu.Lock()
	mended := g.w.mended
	g.w.mu.Unlock()
	<-mended
	return g.Conn.Write(p)
}

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	w.pass(true)
	for c := range w.ends {
		_ = c.Close()
	}
}

func (w *wire) setSilent(silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pass(!silent)
}

// pass lets bytes through or holds them back.
func (w *wire) pass(through bool) {
	switch {
	case through && w.silent:
		close(w.mended)
	case !through && !w.silent:
		w.mended = make(chan struct{})
	}
	w.silent = !through
}

// breaks are what may happen to a wire.
var breaks = map[string]func(w *wire, broken bool){"cut": (*wire).setCut, "silent": (*wire).setSilent}

// farHost is a system whose GPU worker reaches Temporal over a wire.
func farHost(t *testing.T) (*system, *wire, *process) {
	t.Helper()
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	w := layWire(t, s.address)
	far := *s
	far.address = w.Addr().String()
	return s, w, far.worker(t.TempDir(), "gpu")
}

// hangs lets documents that come to the GPU from now on stay there until they are
// aborted, and waits for the first.
func (s *system) hangs() {
	s.t.Helper()
	s.gpu.mu.Lock()
	before := len(s.gpu.calls)
	s.gpu.stays = func(c *call) bool { return strings.HasPrefix(c.Marker, "DOC-") }
	s.gpu.mu.Unlock()
	s.gpu.await(s.ctx, s.t, "a document on the GPU", func() bool {
		return len(s.gpu.calls) > before && len(s.gpu.onGPU("DOC-")) == 1
	})
}

// letGo waits until the call that hangs was aborted, after which none hangs, and
// returns how many calls had begun.
func (s *system) letGo() (begun int) {
	s.t.Helper()
	s.gpu.await(s.ctx, s.t, "the call that hangs is aborted", func() bool { return len(s.gpu.running) == 0 })
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	s.gpu.stays = nil
	return len(s.gpu.calls)
}

// TestTheGPUHostIsCutOff: from Temporal, with the model server beside it. It lets go
// of the GPU by itself; people get an answer meanwhile; and batch goes on by itself
// when the wire is mended.
func TestTheGPUHostIsCutOff(t *testing.T) {
	for name, set := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w, gpu := farHost(t)
			docs := s.documents("p", 12)
			s.startBatch("b", docs)
			s.hangs()
			set(w, true)
			s.unavailable("r1", contract.ReasonHostGone)
			s.eventually("the scheduler knows that the host is gone", func() bool {
				st, err := s.Status(s.ctx, contract.DefaultGPU)
				return err == nil && st.HostGone
			})
			before := s.letGo()
			s.unavailable("r2", contract.ReasonHostGone)
			set(w, false)
			mended := time.Now()
			s.gpu.await(s.ctx, t, "batch goes on", func() bool { return len(s.gpu.calls) > before })
			t.Logf("batch goes on %s after the wire was mended", time.Since(mended))
			s.checkAfterFault("b", docs, nil)
			s.answer("r3", "REQ-3")
			gpu.stop(t)
		})
	}
}

// TestTemporalIsRestarted while everybody else goes on: the GPU is let go, a caller is
// told, and batch goes on by itself.
func TestTemporalIsRestarted(t *testing.T) {
	sim, gpu := simulatedGPU(t)
	dir := t.TempDir()
	server := startServerIn(t, dir, contract.SearchAttributes())
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	w := layWire(t, server.Address()) // an address that stays
	s := systemAt(t, gpu, w.Addr().String())
	s.sim = sim
	s.run(workers.AllRoles()...)
	docs := s.documents("p", 12)
	s.startBatch("b", docs)
	s.hangs()
	require.NoError(t, server.Stop())
	before := s.letGo()
	_, err := s.StartRevision(s.ctx, "r1", suggestion("REQ-1"))
	_, unavailable := contract.AsUnavailable(err)
	require.True(t, unavailable, "%v", err)

	server = startServerIn(t, dir, contract.SearchAttributes())
	w.leadTo(server.Address())
	back := time.Now()
	s.gpu.await(s.ctx, t, "batch goes on", func() bool { return len(s.gpu.calls) > before })
	t.Logf("batch goes on %s after the server", time.Since(back))
	s.checkAfterFault("b", docs, nil)
	s.answer("r2", "REQ-2")
}

// TestAnotherHostTakesOver from one that is cut off, and that lets it have the GPU
// when the wire is mended.
func TestAnotherHostTakesOver(t *testing.T) {
	for name, set := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w, _ := farHost(t)
			docs := s.documents("p", 45)
			s.startBatch("b", docs)
			s.documentOnGPU()
			set(w, true)
			second := s.worker(t.TempDir(), "gpu")
			before := s.gpu.begun()
			set(w, false)
			s.gpu.await(s.ctx, t, "batch goes on", func() bool { return len(s.gpu.calls) > before+3 })
			s.answer("r1", "REQ-1")
			st, err := s.Status(s.ctx, contract.DefaultGPU)
			require.NoError(t, err)
			instance := st.GPU.Instance
			second.stop(t)
			s.eventually("the first one has the GPU again", func() bool {
				st, err := s.Status(s.ctx, contract.DefaultGPU)
				return err == nil && !st.HostGone && st.GPU.Instance != instance
			})
			s.answer("r2", "REQ-2")
			s.checkAfterFault("b", docs, nil)
		})
	}
}
