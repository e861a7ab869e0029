package tests

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
	"signalbox/internal/testmail"
	"signalbox/internal/webhook"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// Secrets of the backend and of a recipient.
const (
	webhookSecret   = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	recipientSecret = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
)

// backend is an app backend that is told of events.
type backend struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	posts []contract.Event
	// answer is the status of the n-th post of an event, from 1.
	answer func(e contract.Event, n int) int
	tries  map[string]int
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{t: t, tries: map[string]int{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var e contract.Event
	if err != nil || json.Unmarshal(body, &e) != nil {
		b.t.Errorf("no event: %s (error %v)", body, err)
		return
	}
	secret := webhookSecret
	if e.Type == contract.EventRFATransmittal {
		secret = recipientSecret // who gets it cannot forge an event to the backend
	}
	key, err := webhook.ParseSecret(secret)
	id := r.Header.Get(webhook.HeaderID)
	if err != nil || id != e.ID || r.Header.Get(webhook.HeaderSignature) != webhook.Sign(key, id, r.Header.Get(webhook.HeaderTimestamp), body) {
		b.t.Errorf("the signature of %s is wrong", id)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries[e.ID]++
	if b.answer != nil {
		if status := b.answer(e, b.tries[e.ID]); status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
	}
	b.posts = append(b.posts, e)
}

// told are the events of a type, each id once.
func (b *backend) told(eventType string) (list []contract.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[string]bool{}
	for _, e := range b.posts {
		if e.Type == eventType && !seen[e.ID] {
			seen[e.ID] = true
			list = append(list, e)
		}
	}
	return list
}

func (b *backend) configure(c *config.Config) {
	c.Webhooks.URL, c.Webhooks.Secret = b.URL+"/events", webhookSecret
	c.Webhooks.Recipients = map[string]string{strings.TrimPrefix(b.URL, "http://"): recipientSecret}
}

func data[T any](t *testing.T, e contract.Event) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(e.Data, &v))
	return v
}

// TestTheBackendIsToldOfAnRFA: reviews, the decision and the distribution, and a
// recipient's own program its transmittal.
func TestTheBackendIsToldOfAnRFA(t *testing.T) {
	m, b := testmail.Start(t, testmail.Options{}), newBackend(t)
	s := systemAt(t, record(t, "http://127.0.0.1:1"), startServer(t, contract.SearchAttributes()).Address(), mailed(m), b.configure)
	s.run(workers.RoleRFA)
	b.answer = func(_ contract.Event, n int) int {
		if n == 1 { // each is tried again
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	in := anRFA("RFA-1")
	in.Matrix[0].Recipients = append(in.Matrix[0].Recipients, contract.Person{Name: "DMS", Webhook: b.URL + "/transmittals"},
		contract.Person{Email: "both@example.com", Webhook: b.URL + "/other"}, contract.Person{Email: "Both@example.com"}) // each once
	refused := in
	refused.Number, refused.Matrix = "RFA-2", []contract.MatrixRow{{Recipients: []contract.Person{{Webhook: "http://169.254.169.254/latest"}}}}
	_, err := s.StartRFA(s.ctx, refused)
	_, invalid := contract.AsInvalidInput(err)
	require.True(t, invalid)
	require.ErrorContains(t, err, "matrix[0].recipients[0].webhook: the host 169.254.169.254 is not one of webhooks.recipients")

	id := s.startRFA(in)
	_, err = s.UpdateRFA(s.ctx, id, contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"})
	require.ErrorContains(t, err, "0 of 2 disciplines")
	s.approve(id)
	report := s.distributed(id)
	require.Equal(t, 6, report.Sent, "%+v", report)
	require.Equal(t, contract.ViaWebhook, report.Deliveries[3].Via)
	r, err := s.RFA(s.ctx, id)
	require.NoError(t, err)
	require.Empty(t, r.Undelivered)
	s.eventually("the backend knows of the distribution", func() bool { return len(b.told(contract.EventRFADistributed)) == 1 })

	reviews := b.told(contract.EventRFAReview)
	require.Len(t, reviews, 2)
	disciplines := map[string]bool{}
	for _, e := range reviews {
		disciplines[data[contract.RFAEvent](t, e).Discipline] = true
	}
	require.Equal(t, map[string]bool{"ARC": true, "STR": true}, disciplines)
	decided := b.told(contract.EventRFADecided)
	require.Len(t, decided, 1)
	require.Equal(t, "1A", data[contract.RFAEvent](t, decided[0]).Decision.Code)
	sent := b.told(contract.EventRFATransmittal)
	require.Len(t, sent, 2)
	require.Equal(t, "RFA-1-A-T01", data[contract.Transmittal](t, sent[0]).Transmittal)
	require.Equal(t, 6, data[contract.DistributionReport](t, b.told(contract.EventRFADistributed)[0]).Sent)
}

// TestTheBackendIsToldOfABatchJob: of each document and of the end, while the backend is
// away at first; the job does not wait for it.
func TestTheBackendIsToldOfABatchJob(t *testing.T) {
	b := newBackend(t)
	s := newSystem(t, b.configure)
	s.run(workers.AllRoles()...)
	away := true
	b.answer = func(contract.Event, int) int {
		if away {
			return http.StatusBadGateway
		}
		return http.StatusOK
	}
	docs := append(s.documents("p", 3), contract.Document{ID: "missing", Key: "in/missing.txt"})
	s.startBatch("job", docs)
	require.Equal(t, 3, s.endBatch("job").Done)
	b.mu.Lock()
	require.Empty(t, b.posts)
	away = false
	b.mu.Unlock()
	s.eventually("the backend knows", func() bool {
		return len(b.told(contract.EventBatchDocument)) == len(docs) && len(b.told(contract.EventBatchEnded)) == 1
	})
	failed := 0
	for _, e := range b.told(contract.EventBatchDocument) {
		d := data[contract.BatchDocumentEvent](t, e)
		require.Equal(t, "job", d.Job)
		if d.State == contract.DocFailed {
			failed++
			require.Equal(t, "missing", d.ID)
			require.NotEmpty(t, d.Reason)
		}
	}
	require.Equal(t, 1, failed)
	require.Equal(t, 3, data[contract.BatchEndedEvent](t, b.told(contract.EventBatchEnded)[0]).Done)
}
