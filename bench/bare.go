package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"signalbox/workers"
)

// The names of what runs without Signalbox.
const (
	bareWorkflows = "bare"
	bareGPU       = "bare-gpu"
	bareDocuments = 2000
)

// bare measures Temporal alone on this machine: the same server, a worker with one slot
// and a workflow that keeps two activities outstanding, each of which is nothing but
// one call to the model server. What Signalbox takes is to be read beside it.
func bare(ctx context.Context, o options, t *table) error {
	model, url, err := newModel()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "signalbox-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, _, end, err := startTemporal(ctx, dir)
	if err != nil {
		return err
	}
	defer end()
	stop, err := startBare(c, url)
	if err != nil {
		return err
	}
	defer stop()
	run := func(id string, calls int) error {
		r, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: bareWorkflows}, bareJob, id, calls)
		if err != nil {
			return err
		}
		return r.Get(ctx, nil)
	}
	var starts []time.Duration
	for i := range o.requests {
		began := time.Now()
		if err := run(fmt.Sprintf("REQ-%d", i), 1); err != nil {
			return err
		}
		starts = append(starts, model.take()[0].begin.Sub(began))
	}
	t.times("client start to model call, ms", starts, goal{})
	began := time.Now()
	if err := run("DOC", bareDocuments); err != nil {
		return err
	}
	t.atMost("calls per second of one workflow", bareDocuments/time.Since(began).Seconds(), 0, bareDocuments)
	t.times("gap between two calls of one workflow, ms", gaps(model.take()), goal{})
	return nil
}

// startBare starts the workers.
func startBare(c client.Client, url string) (stop func(), err error) {
	flow := worker.New(c, bareWorkflows, worker.Options{DisableEagerActivities: true})
	flow.RegisterWorkflow(bareJob)
	gpu := worker.New(c, bareGPU, workers.GPUOptions())
	gpu.RegisterActivity(&bareCalls{url: url})
	for _, w := range []worker.Worker{flow, gpu} {
		if err := w.Start(); err != nil {
			return nil, err
		}
	}
	return func() { gpu.Stop(); flow.Stop() }, nil
}

// bareCarriesOn is after how many calls the workflow continues as new, as a batch job
// does after as many events.
const bareCarriesOn = 500

// bareJob makes calls, two of which are outstanding at a time.
func bareJob(ctx workflow.Context, name string, calls int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: bareGPU, StartToCloseTimeout: time.Minute})
	var a *bareCalls
	var waiting []workflow.Future
	for i := range min(calls, bareCarriesOn) {
		waiting = append(waiting, workflow.ExecuteActivity(ctx, a.Call, fmt.Sprintf("%s-%d", name, i)))
		if len(waiting) == 2 {
			if err := waiting[0].Get(ctx, nil); err != nil {
				return err
			}
			waiting = waiting[1:]
		}
	}
	for _, w := range waiting {
		if err := w.Get(ctx, nil); err != nil {
			return err
		}
	}
	if calls > bareCarriesOn {
		return workflow.NewContinueAsNewError(ctx, bareJob, name, calls-bareCarriesOn)
	}
	return nil
}

// bareCalls calls the model server at a URL.
type bareCalls struct{ url string }

// Call makes one call.
func (b *bareCalls) Call(ctx context.Context, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/api/generate", strings.NewReader(fmt.Sprintf("{%q:%q}", "prompt", name)))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
