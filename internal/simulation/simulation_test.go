package simulation_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/simulation"
)

func run(t *testing.T, cfg simulation.Config) simulation.Stats {
	t.Helper()
	stats, _, err := simulation.Run(cfg)
	if err != nil {
		cfg.Trace = true
		_, trace, _ := simulation.Run(cfg)
		if len(trace) > 150 {
			trace = trace[len(trace)-150:]
		}
		t.Fatalf("seed %d, faults %v: %v\n%s", cfg.Seed, cfg.Faults, err, strings.Join(trace, "\n"))
	}
	return stats
}

// schedules is how many each test runs: few unless SIGNALBOX_SCHEDULES says
// otherwise.
func schedules(t *testing.T, few uint64) uint64 {
	t.Helper()
	return setting(t, "SIGNALBOX_SCHEDULES", few)
}

// setting is a number from the environment.
func setting(t *testing.T, name string, usual uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return n
}

func TestAQuietWorld(t *testing.T) {
	for seed := range schedules(t, 100) {
		s := run(t, simulation.Random(seed))
		require.Positive(t, s.Calls)
		require.Equal(t, 12, s.Answered+s.Refused)
	}
}

func TestEachFaultAlone(t *testing.T) {
	for _, k := range simulation.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			for seed := range schedules(t, 30) {
				run(t, simulation.Random(seed, k))
			}
		})
	}
}

func TestEachPairOfFaults(t *testing.T) {
	kinds := simulation.Kinds()
	for i, a := range kinds {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			for _, b := range kinds[i+1:] {
				for seed := range schedules(t, 3) {
					run(t, simulation.Random(seed, a, b))
				}
			}
		})
	}
}

func TestAnyFaultsTogether(t *testing.T) {
	kinds := simulation.Kinds()
	for seed := range schedules(t, 200) {
		var some []simulation.Kind
		for i, k := range kinds {
			if (seed*2654435761>>i)&1 == 1 {
				some = append(some, k)
			}
		}
		run(t, simulation.Random(seed, some...))
	}
}

// TestEachRuleIsNeeded takes one rule of the design away at a time, and sees the
// simulation find the failure that it prevents.
func TestEachRuleIsNeeded(t *testing.T) {
	for rule, faults := range simulation.Rules() {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2000) {
				cfg := simulation.Random(seed, faults...)
				run(t, cfg)
				cfg.Without = rule
				if _, _, err := simulation.Run(cfg); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Fatal("nothing fails without it")
		})
	}
}
