package tests

import (
	"io"
	"net"
	"strconv"
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
	to string

	mu      sync.Mutex
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
	far, err := net.Dial("tcp", w.to)
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

// letGo waits until nothing has been on the GPU for as long as ten documents take, and
// returns how many calls had begun.
func (s *system) letGo() (begun int) {
	s.t.Helper()
	since := time.Now()
	s.eventually("the GPU is let go", func() bool {
		s.gpu.mu.Lock()
		defer s.gpu.mu.Unlock()
		if len(s.gpu.running) > 0 || len(s.gpu.calls) > begun {
			since, begun = time.Now(), len(s.gpu.calls)
		}
		return time.Since(since) > 3*time.Second
	})
	return begun
}

// TestTheGPUHostIsCutOff: from Temporal, with the model server beside it. It lets go
// of the GPU by itself; people get an answer meanwhile; and batch goes on by itself
// when the wire is mended.
func TestTheGPUHostIsCutOff(t *testing.T) {
	for name, set := range breaks {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t)
			s.run(workers.RoleAI, workers.RoleScheduler)
			w := layWire(t, s.address)
			far := *s
			far.address = w.Addr().String()
			gpu := far.worker(t.TempDir(), "gpu")
			docs := s.documents("p", 40)
			s.startBatch("b", docs)
			s.documentOnGPU()
			set(w, true)
			s.unavailable("r1", contract.ReasonHostGone)
			s.eventually("the scheduler knows that the host is gone", func() bool {
				st, err := s.Status(s.ctx, contract.DefaultGPU)
				return err == nil && st.HostGone
			})
			before := s.letGo()
			s.unavailable("r2", contract.ReasonHostGone)
			require.Less(t, before, len(docs), "it had something left to do")
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
	server := startServerIn(t, dir, freePort, contract.SearchAttributes())
	_, port, err := net.SplitHostPort(server.Address())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	s := systemAt(t, gpu, server.Address())
	s.sim = sim
	s.run(workers.AllRoles()...)
	docs := s.documents("p", 40)
	s.startBatch("b", docs)
	s.documentOnGPU()
	require.NoError(t, server.Stop())
	before := s.letGo()
	_, err = s.StartRevision(s.ctx, "r1", suggestion("REQ-1"))
	_, unavailable := contract.AsUnavailable(err)
	require.True(t, unavailable, "%v", err)
	require.Less(t, before, len(docs), "it had something left to do")

	server = startServerIn(t, dir, number, contract.SearchAttributes())
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
			s := newSystem(t)
			s.run(workers.RoleAI, workers.RoleScheduler)
			w := layWire(t, s.address)
			far := *s
			far.address = w.Addr().String()
			far.worker(t.TempDir(), "gpu")
			docs := s.documents("p", 60)
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
