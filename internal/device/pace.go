package device

import (
	"math"
	"time"

	"signalbox/workflows/contract"
)

// Weights of the newest run. A handful of requests of another kind change what is
// expected; documents differ, and a job has many.
const (
	requestWeight = 0.25
	stageWeight   = 0.05
)

// pace is how long runs take, learned: the mean, in which later ones count for
// more.
type pace struct {
	mean time.Duration
	runs int
}

// learn adds a run, which counts for weight, and the first ones for their share.
func (p *pace) learn(took time.Duration, weight float64) {
	p.runs++
	p.mean += time.Duration(max(weight, 1/float64(p.runs)) * float64(took-p.mean))
}

// eta is when a request at a position of the line will start, in seconds: when
// the run before it ends, and one more for each that is ahead. 0 where nothing
// has been learned; batch makes way at once.
func (c *Core) eta(now time.Time, position int) int {
	if c.pace.mean == 0 {
		return 0
	}
	wait := time.Duration(position-1) * c.pace.mean
	if c.run != nil && c.run.Request.RunID != "" {
		wait += max(0, c.pace.mean-now.Sub(c.runSince))
	}
	return seconds(wait)
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// stageOf is one stage with one model.
type stageOf struct{ stage, model string }

type stagePace struct {
	pace
	last time.Time
}

// Learn records how long a run of a stage took that began and ended in one go.
func (c *Core) Learn(now time.Time, stage, model string, took time.Duration) {
	p := c.stages[stageOf{stage, model}]
	if p == nil {
		p = &stagePace{}
		c.stages[stageOf{stage, model}] = p
	}
	p.learn(took, stageWeight)
	p.last = now
}

// Paces is how long each stage takes with the model that it was last run with.
func (c *Core) Paces() (out []contract.StagePace) {
	for _, stage := range contract.Stages() {
		var newest time.Time
		var found *contract.StagePace
		for of, p := range c.stages {
			if of.stage == stage && !p.last.Before(newest) {
				newest = p.last
				found = &contract.StagePace{Stage: stage, Model: of.model, Ms: p.mean.Milliseconds(), Runs: p.runs}
			}
		}
		if found != nil {
			out = append(out, *found)
		}
	}
	return out
}
