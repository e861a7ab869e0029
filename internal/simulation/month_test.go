package simulation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/simulation"
)

// TestAMonth runs the specified workload; with -v and SIGNALBOX_DAYS=30 it prints
// what a month comes to (make month).
func TestAMonth(t *testing.T) {
	days := int(setting(t, "SIGNALBOX_DAYS", 3))
	for _, requests := range []int{50, 200, 800} {
		r, err := simulation.Month{Seed: 1, Days: days, RequestsPerDay: requests}.Run()
		require.NoError(t, err)
		if r.Documents < 20_000 { // the backlog has not ended before the month has
			require.Greater(t, r.BatchHours/r.WindowHours, 0.95, "batch has the nights")
		}
		require.Less(t, r.WaitP50, time.Second)
		t.Logf("SIMULATED, %d days, %d requests a day: %d documents; batch has had %.1f of %.0f off-peak hours (%.1f %%), "+
			"%.2f h of it thrown away by %d preemptions; %d requests waited p50 %v, p99 %v, max %v; %d model switches; %d signals",
			days, requests, r.Documents, r.BatchHours, r.WindowHours, 100*r.BatchHours/r.WindowHours,
			r.LostHours, r.Preemptions, r.Requests, r.WaitP50.Round(time.Millisecond), r.WaitP99.Round(time.Millisecond),
			r.WaitMax.Round(time.Millisecond), r.Switches, r.Signals)
	}
}
