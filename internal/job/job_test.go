package job_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

var (
	now  = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	self = contract.JobRef{WorkflowID: "job", RunID: "run"}
)

func docs(n int) []contract.ChunkDocument {
	var list []contract.ChunkDocument
	for i := range n {
		list = append(list, contract.ChunkDocument{
			Index:    i,
			Document: contract.Document{ID: fmt.Sprint("d", i), Key: fmt.Sprint("k", i)},
		})
	}
	return list
}

// prepared is a job of n documents that has read its first chunk.
func prepared(t *testing.T, n int) *job.State {
	s := job.New([]string{"s"}, 3)
	d := s.Decide(now, self, false)
	require.Equal(t, &job.Prepare{}, d.Prepare)
	s.Prepared(contract.ChunkResult{Documents: docs(min(n, contract.ChunkSize)), Total: n})
	return s
}

// leased is a prepared job with a lease; the decision is its first.
func leased(t *testing.T, n int) (*job.State, job.Decision) {
	s := prepared(t, n)
	d := s.Decide(now, self, false)
	require.NotNil(t, d.Register)
	s.Registered(now, true)
	s.Directed(now, open(1))
	return s, s.Decide(now, self, false)
}

func open(token int64) contract.Directive {
	return contract.Directive{Open: true, Lease: contract.Lease{Token: token, Until: now.Add(time.Hour)}}
}

func hold(token int64) contract.Directive {
	return contract.Directive{Lease: contract.Lease{Token: token, Until: now.Add(time.Hour)}, Reason: "realtime"}
}

func outcome(o contract.Outcome) contract.StageOutcome {
	return contract.StageOutcome{Outcome: o, Attempt: 1}
}

func TestNothingIsQueuedWithoutALease(t *testing.T) {
	s := prepared(t, 5)
	d := s.Decide(now, self, false)
	require.Empty(t, d.Queue)
	require.Equal(t, 5, d.Register.Left.Sum())
	require.Equal(t, "s", d.Register.Next)
}

// TestSaysWhatIsNext: in the middle of a chunk it goes on with another stage than at
// its beginning, also where that has to wait.
func TestSaysWhatIsNext(t *testing.T) {
	s := job.New([]string{"a", "b"}, 3)
	s.Decide(now, self, false)
	s.Prepared(contract.ChunkResult{Documents: docs(2), Total: 200})
	require.Equal(t, "a", s.Decide(now, self, false).Register.Next)
	s.Registered(now, true)
	s.Directed(now, open(1))
	for _, r := range s.Decide(now, self, false).Queue {
		require.Equal(t, "a", r.Stage)
		s.Finished(now, r.Doc, r.Lease, outcome(contract.OutcomeDone))
	}
	bounced := contract.StageOutcome{Outcome: contract.OutcomeBounced, Attempt: 1, LeaseOver: true, RetryAfterMs: 5000}
	for _, r := range s.Decide(now, self, false).Queue {
		require.Equal(t, "b", r.Stage)
		s.Finished(now, r.Doc, r.Lease, bounced)
	}
	require.Equal(t, "b", s.Decide(now, self, false).Register.Next)
}

// TestOneRegistrationAtATime: of two on their way the older one might arrive last.
func TestOneRegistrationAtATime(t *testing.T) {
	s := prepared(t, 3)
	require.NotNil(t, s.Decide(now, self, false).Register)
	s.SetPriority(1)
	require.Nil(t, s.Decide(now, self, false).Register)
	s.Registered(now, true)
	require.Equal(t, 1, s.Decide(now, self, false).Register.Priority)
}

func TestTwoAreOutstanding(t *testing.T) {
	s, d := leased(t, 5)
	require.Len(t, d.Queue, job.Outstanding)
	require.Empty(t, s.Decide(now, self, false).Queue)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	next := s.Decide(now, self, false)
	require.Len(t, next.Queue, 1)
	require.Equal(t, "d2", next.Queue[0].Doc.ID)
}

func TestAHoldQueuesNothingAndCancelsNothing(t *testing.T) {
	s, d := leased(t, 5)
	s.Directed(now, hold(1))
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomePreempted))
	require.Empty(t, s.Decide(now, self, false).Queue)
	s.Directed(now, open(2))
	got := s.Decide(now, self, false)
	require.Equal(t, "d0", got.Queue[0].Doc.ID, "a preempted document goes on first")
	require.Equal(t, int64(2), got.Queue[0].Lease.Token)
}

func TestAnOvertakenDirectiveChangesNothing(t *testing.T) {
	s, d := leased(t, 5)
	s.Directed(now, open(3))
	s.Directed(now, hold(1)) // the hold that the open has overtaken
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	require.Len(t, s.Decide(now, self, false).Queue, 1)

	s.Directed(now, hold(3))
	s.Directed(now, open(3)) // the truth repeated, sent before the hold
	require.Equal(t, contract.PhaseHeld, s.Progress().Phase)
}

func TestABounceNeverLoops(t *testing.T) {
	s, d := leased(t, 1)
	bounce := contract.StageOutcome{Outcome: contract.OutcomeBounced, Attempt: 1, RetryAfterMs: 3000}
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, bounce)
	got := s.Decide(now, self, false)
	require.Empty(t, got.Queue)
	require.Equal(t, now.Add(3*time.Second), got.Wake)
	require.Len(t, s.Decide(now.Add(3*time.Second), self, false).Queue, 1)
}

// TestABounceHoldsItsStageBack: the device would say the same to every other
// document of that stage; those of another may go on.
func TestABounceHoldsItsStageBack(t *testing.T) {
	s := job.New([]string{"text", "vectors"}, 3)
	s.Directed(now, open(1))
	s.Decide(now, self, false)
	s.Prepared(contract.ChunkResult{Documents: docs(contract.ChunkSize), Total: 200})
	s.Prepared(contract.ChunkResult{Documents: docs(200 - contract.ChunkSize), Total: 200}) // ahead
	bounced, ahead := 0, 0
	for range 400 {
		for _, r := range s.Decide(now, self, false).Queue {
			o := outcome(contract.OutcomeDone)
			if r.Stage == "vectors" {
				bounced++
				o = contract.StageOutcome{Outcome: contract.OutcomeBounced, Attempt: 1, RetryAfterMs: 9000}
			} else {
				ahead++
			}
			s.Finished(now, r.Doc, r.Lease, o)
		}
	}
	require.Equal(t, job.Outstanding, bounced, "those that were queued already, and no more")
	require.Equal(t, 200, ahead, "the chunk ahead does not wait")
	later := now.Add(9 * time.Second)
	require.Equal(t, later, s.Decide(now, self, false).Wake)
	require.Len(t, s.Decide(later, self, false).Queue, job.Outstanding)
}

func TestABounceUnderAHoldWaitsForTheOpen(t *testing.T) {
	s, d := leased(t, 1)
	s.Directed(now, hold(1))
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeBounced))
	later := now.Add(10 * time.Second)
	require.Empty(t, s.Decide(later, self, false).Queue)
	s.Directed(later, open(2))
	require.Len(t, s.Decide(later, self, false).Queue, 1)
}

func TestADeadLeaseIsRegisteredOnce(t *testing.T) {
	s, d := leased(t, 5)
	over := contract.StageOutcome{Outcome: contract.OutcomeBounced, Attempt: 1, LeaseOver: true}
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, over)
	got := s.Decide(now, self, false)
	require.Equal(t, int64(1), got.Register.Over)
	require.Empty(t, got.Queue)
	s.Registered(now, true)
	s.Finished(now, d.Queue[1].Doc, d.Queue[1].Lease, over)
	require.Nil(t, s.Decide(now, self, false).Register, "once for each token")
}

func TestTheJobWatchesUntilItself(t *testing.T) {
	s, _ := leased(t, 5)
	require.Equal(t, int64(1), s.Decide(now.Add(time.Hour), self, false).Register.Over)
}

func TestRegistersAgainWhileTheSchedulerIsMissing(t *testing.T) {
	s := prepared(t, 5)
	require.NotNil(t, s.Decide(now, self, false).Register)
	s.Registered(now, false)
	got := s.Decide(now, self, false)
	require.Nil(t, got.Register)
	require.Equal(t, now.Add(job.RegisterRetry), got.Wake)
	require.NotNil(t, s.Decide(got.Wake, self, false).Register)
}

func TestGPUUnavailableWaitsAndNewsEndsTheWait(t *testing.T) {
	s, d := leased(t, 5)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeGPUUnavailable))
	require.True(t, s.Awaiting)
	require.Empty(t, s.Decide(now, self, false).Queue)
	require.False(t, s.Directed(now, open(1)), "a repeated open ends no wait")
	require.True(t, s.Directed(now, open(2)))
	s.GPUBack()
	require.Len(t, s.Decide(now, self, false).Queue, 1)
	require.Zero(t, d.Queue[0].Doc.Lost, "an outage costs no document an attempt")

	s.Finished(now, d.Queue[1].Doc, d.Queue[1].Lease, outcome(contract.OutcomeGPUUnavailable))
	require.False(t, s.Awaiting, "under an older token it is old news")
}

func TestADocumentThatKillsTheWorkerEnds(t *testing.T) {
	s, d := leased(t, 1)
	doc := d.Queue[0].Doc
	o := outcome(contract.OutcomePreempted)
	o.Attempt = 3 // two attempts were lost
	s.Finished(now, doc, d.Queue[0].Lease, o)
	got := s.Decide(now, self, false)
	require.Equal(t, 3, got.Queue[0].Attempts)
	s.Finished(now, doc, got.Queue[0].Lease, o)
	got = s.Decide(now, self, false)
	require.Equal(t, 1, got.Queue[0].Attempts)
	s.Lost(doc)
	require.Equal(t, contract.DocFailed, doc.State)
}

func TestADocumentThatBringsTheGPUDownEndsAndStopsNobody(t *testing.T) {
	s, d := leased(t, 10)
	token, order := int64(1), ""
	queue := d.Queue
	for range 20 {
		for _, r := range queue {
			if r.Doc.ID == "d0" {
				order += "x"
				s.Finished(now, r.Doc, r.Lease, contract.StageOutcome{Outcome: contract.OutcomeGPUUnavailable, Attempt: 1, Suspect: true})
			} else {
				order += "."
				s.Finished(now, r.Doc, r.Lease, contract.StageOutcome{Outcome: contract.OutcomeDone, Attempt: 1, CallsDone: 1})
			}
		}
		token++
		s.Directed(now, open(token))
		s.GPUBack()
		queue = s.Decide(now, self, false).Queue
	}
	require.Equal(t, 1, s.Counts.Failed+s.Progress().Failed)
	require.Equal(t, 9, s.Progress().Done)
	require.Equal(t, "x.x.x..", order[:7], "it is found out while others show that the GPU works")
}

func TestAnOutageEndsNoDocument(t *testing.T) {
	s, d := leased(t, 1)
	doc := d.Queue[0].Doc
	for n := range 50 {
		s.Finished(now, doc, s.Lease, contract.StageOutcome{Outcome: contract.OutcomeGPUUnavailable, Attempt: 1, Suspect: n == 0})
		s.Directed(now, open(int64(n+2)))
		s.GPUBack()
		require.Len(t, s.Decide(now, self, false).Queue, 1)
	}
}

func TestAFinishedCallForgivesLostAttempts(t *testing.T) {
	s, d := leased(t, 1)
	o := outcome(contract.OutcomePreempted)
	o.Attempt, o.CallsDone = 4, 1
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, o)
	require.Equal(t, job.MaxAttempts, s.Decide(now, self, false).Queue[0].Attempts)
}

func TestOftenPreemptedGoesFirst(t *testing.T) {
	s, d := leased(t, 5)
	second := d.Queue[1].Doc
	second.Preemptions = job.PreemptedFirst - 1
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomePreempted))
	s.Finished(now, second, d.Queue[1].Lease, outcome(contract.OutcomePreempted))
	require.Same(t, second, s.Decide(now, self, false).Queue[0].Doc)
}

func TestFinishingIsSaidOnce(t *testing.T) {
	s, d := leased(t, 4)
	require.False(t, d.Finishing)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	require.False(t, s.Decide(now, self, false).Finishing)
	s.Finished(now, d.Queue[1].Doc, d.Queue[1].Lease, outcome(contract.OutcomeDone))
	require.True(t, s.Decide(now, self, false).Finishing)
	require.False(t, s.Decide(now, self, false).Finishing)
}

func TestProblemsEndDocumentsAndNotTheJob(t *testing.T) {
	s := job.New([]string{"s"}, 3)
	s.Decide(now, self, false)
	list := docs(1)
	list[0].Problem = "not found"
	s.Prepared(contract.ChunkResult{Documents: list, Total: 1})
	d := s.Decide(now, self, false)
	require.True(t, d.Record)
	s.Recorded()
	require.True(t, s.Decide(now, self, false).End)
	require.Equal(t, 1, s.Counts.Failed)
}

// TestEveryDocumentEndsOnce runs whole jobs, through continue-as-new at every
// idle moment, and counts.
func TestEveryDocumentEndsOnce(t *testing.T) {
	for _, n := range []int{1, 2, 127, 128, 129, 700} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := job.New([]string{"a", "b"}, 3)
			s.Directed(now, open(1))
			runs := map[string]int{}
			all := docs(n)
			for range 20 * n {
				if s.Idle() {
					data, err := json.Marshal(s)
					require.NoError(t, err)
					s = new(job.State)
					require.NoError(t, json.Unmarshal(data, s))
				}
				d := s.Decide(now, self, false)
				if d.End {
					break
				}
				if d.Register != nil {
					s.Registered(now, true)
				}
				if p := d.Prepare; p != nil {
					s.Prepared(contract.ChunkResult{Documents: all[p.From:min(n, p.From+contract.ChunkSize)], Total: n})
				}
				for _, r := range d.Queue {
					runs[r.Doc.ID+r.Stage]++
					s.Finished(now, r.Doc, r.Lease, outcome(contract.OutcomeDone))
				}
				if d.Record {
					s.Recorded()
				}
			}
			require.Equal(t, n, s.Counts.Done)
			require.Equal(t, contract.Progress{Phase: contract.PhaseDone, Done: n, Total: n}, s.Progress())
			require.Len(t, runs, 2*n)
			for id, count := range runs {
				require.Equal(t, 1, count, id)
			}
		})
	}
}

func TestStageMajor(t *testing.T) {
	s := job.New([]string{"a", "b"}, 3)
	s.Directed(now, open(1))
	s.Decide(now, self, false)
	s.Prepared(contract.ChunkResult{Documents: docs(3), Total: 3})
	var order []string
	for range 10 {
		for _, r := range s.Decide(now, self, false).Queue {
			order = append(order, r.Stage)
			s.Finished(now, r.Doc, r.Lease, outcome(contract.OutcomeDone))
		}
	}
	require.Equal(t, []string{"a", "a", "a", "b", "b", "b"}, order)
}

func TestCancelRecordsWhatWasBegun(t *testing.T) {
	s, d := leased(t, 300)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	s.Cancel()
	require.False(t, s.Decide(now, self, false).Record, "what runs makes way first")
	s.Dropped(d.Queue[1].Doc)
	// The chunk ahead was being prepared at the cancel.
	s.Prepared(contract.ChunkResult{Documents: docs(128), Total: 300})
	require.True(t, s.Decide(now, self, false).Record)
	s.Recorded()
	require.True(t, s.Decide(now, self, false).Record)
	s.Recorded()
	require.True(t, s.Decide(now, self, false).End)
	require.Equal(t, 1, s.Counts.Done)
	require.Equal(t, 255, s.Counts.Cancelled)
}

// TestATextOfItsOwnNeedsNoOCR: only what the vision model has to read passes
// through that stage.
func TestATextOfItsOwnNeedsNoOCR(t *testing.T) {
	s := job.New([]string{contract.StageOCR, "s"}, 3)
	s.Directed(now, open(1))
	s.Decide(now, self, false)
	list := docs(3)
	list[0].Origin, list[1].Origin, list[2].Origin = contract.TextDocument, contract.TextOCR, contract.TextLayer
	s.Prepared(contract.ChunkResult{Documents: list, Total: 3})
	d := s.Decide(now, self, false)
	require.Equal(t, "d1", d.Queue[0].Doc.ID)
	require.Equal(t, contract.StageOCR, d.Queue[0].Stage)
	require.Equal(t, "s", d.Queue[1].Stage)
	require.Equal(t, contract.StagesLeft{4}, s.Left())

	alone := job.New([]string{contract.StageOCR}, 3)
	alone.Decide(now, self, false)
	alone.Prepared(contract.ChunkResult{Documents: list[:1], Total: 1})
	require.True(t, alone.Decide(now, self, false).Record, "nothing is left to do")
}

func TestDocumentsAreListedByPage(t *testing.T) {
	s, d := leased(t, 200)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	failed := outcome(contract.OutcomeFailed)
	failed.Reason = "bad"
	s.Finished(now, d.Queue[1].Doc, d.Queue[1].Lease, failed)
	s.Decide(now, self, false)
	page, err := s.Documents(contract.DocumentsQuery{})
	require.NoError(t, err)
	require.Equal(t, 200, page.Total)
	require.Equal(t, contract.ChunkSize, page.Prepared)
	require.Len(t, page.Documents, contract.DefaultDocumentsPage)
	require.Equal(t, contract.DefaultDocumentsPage, page.Next)
	require.Equal(t, "bad", page.Failures[0].Reason)
	require.True(t, page.Documents[2].OnQueue)
	require.Equal(t, "s", page.Documents[2].Stage)
	page, err = s.Documents(contract.DocumentsQuery{From: page.Next})
	require.NoError(t, err)
	require.Equal(t, contract.DefaultDocumentsPage, page.Documents[0].Index)
	require.Zero(t, page.Next)
	page, err = s.Documents(contract.DocumentsQuery{State: contract.DocFailed})
	require.NoError(t, err)
	require.Len(t, page.Documents, 1)
	_, err = s.Documents(contract.DocumentsQuery{State: "lost"})
	require.ErrorContains(t, err, "allowed are pending, done, failed, cancelled")
}

func TestWhatIsLeftIsLearned(t *testing.T) {
	s, d := leased(t, 10)
	require.Zero(t, s.Progress().GPUSecondsLeft, "nothing has been learned yet")
	lost := outcome(contract.OutcomePreempted)
	lost.GPUMs, lost.LostMs = 9000, 9000
	s.Finished(now, d.Queue[1].Doc, d.Queue[1].Lease, lost)
	done := outcome(contract.OutcomeDone)
	done.GPUMs, done.CallsDone = 20_000, 1
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, done)
	require.Equal(t, 180, s.Progress().GPUSecondsLeft, "nine more of 20 s: what was thrown away is no measure")
}
