package simulation

import (
	"time"

	"signalbox/workflows/contract"
)

// Rule is a rule of the design that prevents a failure. A test takes it away,
// and sees the simulation find the failure.
type Rule string

// Rules.
const (
	RuleUntil        Rule = "the device enforces a lease's end"
	RuleRings        Rule = "a request rings, and the device makes batch give way"
	RuleBounceWaits  Rule = "a bounce waits for as long as the device says"
	RuleTokens       Rule = "an open that brings news carries a new token"
	RuleClaim        Rule = "a GPU worker whose claim is not acknowledged admits nothing"
	RuleKeeper       Rule = "the keeper starts a scheduler that is missing"
	RuleReconcile    Rule = "the scheduler compares with Temporal itself"
	RuleRegister     Rule = "a job registers until the scheduler has it"
	RuleCheckpoint   Rule = "a repeated activity looks for what is finished"
	RuleHeartbeat    Rule = "a GPU activity has a heartbeat timeout"
	RuleUnchanged    Rule = "a scheduler that was told nothing leaves an operator's orders unchanged"
	RuleGateFile     Rule = "the device keeps the gate in a file"
	RuleJobPause     Rule = "a job that is paused gives its lease up"
	RuleLostAttempts Rule = "a document has few attempts that may be lost"
	RuleRevoke       Rule = "a window that is moved revokes the leases that outlast it"
	RulePriority     Rule = "a job registers when it is given another priority"
)

// Rules lists every rule, and the faults that show what it is for.
func Rules() map[Rule][]Kind {
	return map[Rule][]Kind{
		RuleUntil:        {WindowCloses, SchedulerDown},
		RuleRings:        nil,
		RuleBounceWaits:  {WindowCloses},
		RuleTokens:       nil,
		RuleClaim:        {GPUWorkerFrozen, SecondHost},
		RuleKeeper:       {SchedulerTerminated},
		RuleReconcile:    {JobTerminated},
		RuleRegister:     {SchedulerTerminated, SchedulerDown},
		RuleCheckpoint:   {GPUWorkerKilled},
		RuleHeartbeat:    {GPUWorkerKilled},
		RuleUnchanged:    {OperatorsAct, SchedulerTerminated},
		RuleGateFile:     {OperatorsAct, SchedulerTerminated, GPUWorkerKilled},
		RuleJobPause:     {OperatorsActOnJobs},
		RuleLostAttempts: {PoisonDocument},
		RuleRevoke:       {Configured},
		RulePriority:     {PrioritiesSet},
	}
}

// tamper takes the rule that a schedule goes without out of the world.
type tamper struct{ without Rule }

func (t tamper) no(r Rule) bool { return t.without == r }

func (t tamper) lease(l contract.Lease) contract.Lease {
	if t.no(RuleUntil) && !l.Until.IsZero() {
		l.Until = l.Until.Add(24 * time.Hour)
	}
	return l
}

func (t tamper) gate(g contract.Gate) contract.Gate {
	if t.no(RuleUnchanged) {
		off := contract.Order{State: contract.OrderOff}
		g.Orders = g.Orders.Over(contract.Orders{Pause: off, Drain: off, Override: off})
	}
	if t.no(RuleRevoke) {
		g.RevokedUpTo = 0
	}
	return g
}

func (t tamper) directive(d contract.Directive) contract.Directive {
	if t.no(RuleTokens) && d.Open {
		d.Lease.Token = 1
	}
	return d
}

func (t tamper) registration(r contract.Registration) contract.Registration {
	if t.no(RuleJobPause) && r.Paused.State == contract.OrderOn {
		r.Paused, r.Over = contract.Order{}, 0
	}
	return r
}

// attempts of a stage run.
func (t tamper) attempts(n int) int {
	if t.no(RuleLostAttempts) {
		return 1_000_000
	}
	return n
}

// bounced is when a bounce counts as heard.
func (t tamper) bounced(now time.Time) time.Time {
	if t.no(RuleBounceWaits) {
		return now.Add(-time.Hour)
	}
	return now
}
