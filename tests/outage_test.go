package tests

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"signalbox/internal/simgpu"
	"signalbox/workflows/contract"
)

// TestOutagesUnderLoadSimulated: whatever there is of them, people are told at once, no
// document is lost or fails, and none pays with an attempt. `make soak` has 20 of a
// minute.
func TestOutagesUnderLoadSimulated(t *testing.T) {
	n, lasts, each := 3, 3*time.Second, 30
	if os.Getenv("SIGNALBOX_SOAK") != "" {
		n, lasts, each = 20, time.Minute, 25
	}
	s := running(t)
	docs := s.documents("p", n*each)
	s.startBatch("b", docs)
	for i := range n {
		s.documentOnGPU()
		s.sim.SetFaults(simgpu.Faults{Down: true})
		over := time.After(lasts)
		_, err := s.StartRevision(s.ctx, fmt.Sprint("down-", i), suggestion("REQ-1"))
		require.NoError(t, err)
		_, err = s.Revision(s.ctx, fmt.Sprint("down-", i))
		_, unavailable := contract.AsUnavailable(err)
		require.True(t, unavailable, "%v", err)
		<-over
		s.sim.SetFaults(simgpu.Faults{})
		s.gpuSays(contract.AdmitAll, "")
		s.answer(fmt.Sprint("up-", i), fmt.Sprint("REQ-", i))
	}
	r := s.endBatch("b")
	require.Equal(t, len(docs), r.Done)
	s.checkDocuments("p", "b", docs)
	it := s.client.GetWorkflowHistory(s.ctx, "b", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	await := map[int64]bool{} // the seed's backoff: its attempts are the waits
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(t, err)
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == contract.ActivityAwaitGPU {
			await[e.GetEventId()] = true
		}
		if a := e.GetActivityTaskStartedEventAttributes(); a != nil && !await[a.GetScheduledEventId()] {
			require.EqualValues(t, 1, a.GetAttempt(), "no document pays with an attempt")
		}
	}
}
