package main

import (
	"context"
	"fmt"
	"time"

	"signalbox/internal/simgpu"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// faultRounds is how often each fault is made.
const faultRounds = 5

// stall is what a stalled answer is told by: 30 s unless configured, of which the
// benchmark does not wait for all.
const stall = 2 * time.Second

// faults measures how long a person waits for "AI service temporarily unavailable", and
// batch after the fault is over.
func faults(ctx context.Context, _ options, t *table) error {
	sim, b, err := startOnCard(ctx, 20, func(s *workerSpec) { s.Config.Timeouts.Stall = stall })
	if err != nil {
		return err
	}
	defer b.stop()
	f := faulty{b, sim}
	for _, fault := range []struct {
		name   string
		faults simgpu.Faults
		within float64 // seconds; 0 for nothing to reach
	}{
		{"Ollama is gone", simgpu.Faults{Down: true}, 2.5},
		{"Ollama's address answers with a web page", simgpu.Faults{HTML: true}, 2.5},
		{"the card is lost", simgpu.Faults{Lost: true}, 2.5},
		{"the runner dies in the answer", simgpu.Faults{DieAfter: 3}, 0},
		{fmt.Sprintf("the answer stalls (timeouts.stall %s)", stall), simgpu.Faults{StallAfter: 3}, 0},
	} {
		var answered, back []time.Duration
		for i := range faultRounds {
			took, again, err := f.round(ctx, fmt.Sprintf("%s-%d", fault.name, i), fault.faults)
			if err != nil {
				return fmt.Errorf("%s: %w", fault.name, err)
			}
			answered, back = append(answered, took), append(back, again)
		}
		t.times(fault.name+": request to answer, ms", answered, goal{p99: fault.within * 1000})
		t.times("  its end to the next document on the GPU, ms", back, goal{p99: 15_000})
	}
	return noHost(ctx, t)
}

type faulty struct {
	b   *bench
	sim *simgpu.Server
}

// round makes a fault while a job runs, asks, and ends the fault.
func (f faulty) round(ctx context.Context, name string, made simgpu.Faults) (answered, back time.Duration, err error) {
	job := "job " + name
	if err := f.b.job(ctx, job, "DOC", 20); err != nil {
		return 0, 0, err
	}
	if err := f.documents(ctx, f.sim.Stats().Answers); err != nil {
		return 0, 0, err
	}
	f.sim.SetFaults(made)
	defer f.sim.SetFaults(simgpu.Faults{})
	began := time.Now()
	run, err := f.b.StartRevision(ctx, "request "+name, contract.RevisionInput{Task: contract.TaskGenerate, Prompt: "x"})
	if err != nil {
		return 0, 0, err
	}
	err = run.Get(ctx, nil)
	if _, unavailable := contract.AsUnavailable(err); !unavailable {
		return 0, 0, fmt.Errorf("the request was not answered unavailable, but %v", err)
	}
	answered = time.Since(began)
	if err := pauseFor(ctx, 3*time.Second); err != nil { // the job has met it too
		return 0, 0, err
	}
	before := f.sim.Stats().Answers
	f.sim.SetFaults(simgpu.Faults{})
	ended := time.Now()
	if err := f.documents(ctx, before); err != nil {
		return 0, 0, err
	}
	back = time.Since(ended)
	if _, err := f.b.done(ctx, job); err != nil {
		return 0, 0, err
	}
	return answered, back, nil
}

// documents waits until another answer has come.
func (f faulty) documents(ctx context.Context, before int64) error {
	for f.sim.Stats().Answers == before {
		if err := pauseFor(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// noHost measures a request where no GPU worker is.
func noHost(ctx context.Context, t *table) error {
	b, _, err := startOnModel(ctx, thisProcess, func(s *workerSpec) { s.Roles = []workers.Role{workers.RoleAI, workers.RoleScheduler} })
	if err != nil {
		return err
	}
	defer b.stop()
	var all []time.Duration
	for i := range 4 * faultRounds {
		began := time.Now()
		run, err := b.StartRevision(ctx, fmt.Sprint("r-", i), contract.RevisionInput{Task: contract.TaskGenerate, Prompt: "x"})
		if err != nil {
			return err
		}
		if _, unavailable := contract.AsUnavailable(run.Get(ctx, nil)); !unavailable {
			return fmt.Errorf("a request without a GPU host was not answered unavailable")
		}
		all = append(all, time.Since(began))
	}
	t.times("the GPU host is gone: request to answer, ms", all, goal{p99: 2500})
	return nil
}
