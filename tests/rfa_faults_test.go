package tests

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/testmail"
	"signalbox/workers"
	"signalbox/workflows"
	"signalbox/workflows/contract"
)

// TestAMailServerThatMisbehaves: each message arrives once or is reported as failed,
// and one who fails does not stop the others.
func TestAMailServerThatMisbehaves(t *testing.T) {
	s, m := approvals(t)
	s.cfg.RFA.Mail.Timeout = time.Second
	s.run(workers.RoleRFA)
	in := anRFA("RFA-1")
	in.Matrix = []contract.MatrixRow{{Recipients: recipients(6)}}
	site := func(i int) string { return fmt.Sprintf("site-%d@example.com", i) }
	full := true
	var mu sync.Mutex
	m.Answers(func(to string, n int) testmail.Answer {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case to == site(0) && n == 1:
			return testmail.Drop
		case to == site(1) && n == 1:
			return testmail.Defer
		case to == site(2) && full:
			return testmail.Refuse
		case to == site(3) && n == 1:
			return testmail.Hang
		case to == site(4) && full:
			return testmail.RefuseData
		}
		return testmail.Accept
	})
	id := s.startRFA(in)
	s.approve(id)
	r := s.distributed(id)
	require.Equal(t, [2]int{4, 2}, [2]int{r.Sent, r.Failed})
	require.Contains(t, r.Deliveries[2].Reason, "no such mailbox")
	require.Contains(t, r.Deliveries[4].Reason, "554")
	mu.Lock()
	full = false
	mu.Unlock()
	r, err := s.ResendRFA(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, 2, r.Pending)
	require.Equal(t, 6, s.distributed(id).Sent)
	for i := range 6 {
		require.Len(t, m.To(site(i)), 1, site(i))
	}
	_, err = s.ResendRFA(s.ctx, id)
	require.Error(t, err, "all are sent")
}

// TestKillDuringTheDistribution: kill −9 of the worker at any time loses no mail, and
// doubles none but one that the server accepts in that very moment, which has the same
// Message-ID then.
func TestKillDuringTheDistribution(t *testing.T) {
	s, m := approvals(t)
	home := t.TempDir()
	const people = 12
	for round := range rounds(t) {
		worker := s.worker(home, "rfa")
		in := anRFA(fmt.Sprint("RFA-", round))
		in.Matrix = []contract.MatrixRow{{Recipients: recipients(people)}}
		id := s.startRFA(in)
		s.approve(id)
		subject := fmt.Sprintf("RFA-%d-A-T01: RFA-%d rev. A, code 1A", round, round)
		arrived := func() (ids []string) {
			for _, mail := range m.Mails() {
				if mail.Subject == subject {
					ids = append(ids, mail.ID)
				}
			}
			return ids
		}
		at := round % people
		s.eventually("some have it", func() bool { return len(arrived()) >= at })
		worker.kill(t)
		worker = s.worker(home, "rfa")
		r := s.distributed(id)
		require.Equal(t, people, r.Sent)
		require.Equal(t, fmt.Sprintf("RFA-%d-A-T01", round), r.Transmittal)
		ids := arrived()
		require.LessOrEqual(t, len(ids), people+3, "three at a time can have been on their way")
		slices.Sort(ids)
		require.Len(t, slices.Compact(ids), people, "a second one has the same Message-ID")
		_, err := s.RFA(s.ctx, id)
		require.NoError(t, err)
		worker.stop(t)
	}
}

// TestAReminderOnAServer: at the next minute, and none after the review.
func TestAReminderOnAServer(t *testing.T) {
	s, m := approvals(t)
	s.run(workers.RoleRFA)
	in := anRFA("RFA-0")
	for i := 0; workflows.ReminderOffset(contract.RFAID(in.ProjectID, in.Number, in.Revision)) > 2*time.Second; i++ {
		in.Number = fmt.Sprint("RFA-", i) // one whose turn comes early
	}
	at := time.Now().UTC().Add(5 * time.Second).Truncate(time.Minute).Add(time.Minute)
	if at.Add(time.Minute).Day() != time.Now().UTC().Day() {
		at = at.Add(2 * time.Minute) // the next day's
	}
	in.Due, in.TimeZone = at.Format(time.DateOnly), "UTC"
	in.Reminders = contract.ReminderRules{At: at.Format("15:04"), Until: "23:59", Workdays: []string{"daily"}}
	id := s.startRFA(in)
	s.eventually("the reviewers are reminded", func() bool {
		return len(m.To("str@example.com")) == 2 && len(m.To("arc@example.com")) == 2
	})
	require.Contains(t, m.To("arc@example.com")[1], "Reminder: "+in.Number)
	require.False(t, time.Now().Before(at))
	s.eventually("the approval knows", func() bool {
		st, err := s.RFAStatus(s.ctx, id)
		return err == nil && len(st.Reminders) == 2 && st.Reminders[0].Strike == 1
	})
}
