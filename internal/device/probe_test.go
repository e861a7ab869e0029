package device_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// answering is a model server with everything that is asked for.
type answering struct{}

func (answering) Continuation() string                                 { return "" }
func (answering) Probe(context.Context) (ollama.Status, error)         { return ollama.Status{}, nil }
func (answering) Missing(context.Context, ...string) ([]string, error) { return nil, nil }
func (answering) Host() string                                         { return "http://h:1" }

// probing is a device that probes a card until the test ends; it must not hold
// the end up.
func probing(t *testing.T, card device.Card) *device.Device {
	t.Helper()
	d := serving(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	keeper, err := device.NewKeeper(device.KeeperOptions{Card: card})
	require.NoError(t, err)
	go func() {
		defer close(ended)
		d.Probe(ctx, answering{}, keeper)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return d
}

func becomes(t *testing.T, d *device.Device, want contract.HealthValue) {
	t.Helper()
	require.Eventually(t, func() bool { return d.Health().Value == want }, time.Minute, 5*time.Millisecond)
}

func TestADriverThatHangsIsNoticedAndHoldsNothingUp(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	first := true
	d := probing(t, func() device.Reading { // never twice at once
		if !first {
			<-release
		}
		first = false
		return device.Reading{Memory: contract.Memory{Source: contract.MemoryMeasured, TotalBytes: 8e9}}
	})
	becomes(t, d, contract.Healthy)
	becomes(t, d, contract.Unhealthy)
	require.Contains(t, d.Health().Reason, "its driver does not answer")
	require.Equal(t, contract.AdmitNothing, d.Health().Admits)
}

func TestABrokenCardIsUnhealthyAndOneThatIsNotMeasuredIsNot(t *testing.T) {
	unknown := contract.Memory{Source: contract.MemoryUnknown, Why: "why"}
	d := probing(t, func() device.Reading { return device.Reading{Memory: unknown, Broken: errors.New("lost")} })
	becomes(t, d, contract.Unhealthy)
	d = probing(t, func() device.Reading { return device.Reading{Memory: unknown} })
	require.Equal(t, contract.HealthUnknown, d.Health().Value)
	require.Equal(t, contract.AdmitAll, d.Health().Admits)
	require.Eventually(t, func() bool { return d.State().Memory.Why == "why" }, time.Minute, 5*time.Millisecond)
	require.Equal(t, contract.AdmitAll, d.Health().Admits)
}
