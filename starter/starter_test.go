package starter_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// nobody is a client of a Temporal that is not there.
func nobody(t *testing.T) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestWithoutTemporalTheServiceIsUnavailable(t *testing.T) {
	s := starter.New(nobody(t))
	in := contract.RevisionInput{Task: contract.TaskGenerate, Prompt: "hello"}
	_, err := s.StartRevision(t.Context(), "key", in)
	u, ok := contract.AsUnavailable(err)
	require.True(t, ok, "%v", err)
	require.Equal(t, contract.ReasonHostGone, u.Reason)
	require.ErrorContains(t, err, contract.MessageUnavailable)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.StartRevision(gone, "key", in)
	require.ErrorIs(t, err, context.Canceled, "the caller's own doing is not the service's")
}

func TestBadInputIsRefusedBeforeAnythingIsReached(t *testing.T) {
	s := starter.New(nobody(t))
	_, err := s.StartRevision(t.Context(), "key", contract.RevisionInput{Task: "dance"})
	f, ok := contract.AsInvalidInput(err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "task", f.Field)
	for _, key := range []string{"", "กุญแจ", "two\nlines", strings.Repeat("k", 256)} {
		_, err = s.StartRevision(t.Context(), key, contract.RevisionInput{Task: contract.TaskGenerate, Prompt: "hello"})
		f, ok = contract.AsInvalidInput(err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "key", f.Field)
	}
	_, err = s.StartBatch(t.Context(), "key", contract.BatchInput{})
	f, ok = contract.AsInvalidInput(err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "projectId", f.Field)
}

// forgetful is a client of a Temporal that does not say that a workflow has ended to who
// has waited for it.
type forgetful struct {
	client.Client
	client.WorkflowRun
	asked int
}

func (f *forgetful) GetWorkflow(context.Context, string, string) client.WorkflowRun { return f }

func (f *forgetful) Get(ctx context.Context, into any) error {
	if f.asked++; f.asked == 1 {
		<-ctx.Done()
		return ctx.Err()
	}
	into.(*contract.BatchResult).Done = 7
	return nil
}

// TestAnEndThatTheServerDoesNotTell: it is asked again long before its own wait is over.
func TestAnEndThatTheServerDoesNotTell(t *testing.T) {
	f := &forgetful{}
	r, err := starter.New(f).Batch(t.Context(), "job")
	require.NoError(t, err)
	require.Equal(t, 7, r.Done)
	require.Equal(t, 2, f.asked)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.asked = 0
	_, err = starter.New(f).Batch(ctx, "job")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, f.asked)
}
