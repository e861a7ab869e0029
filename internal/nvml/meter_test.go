//go:build linux && cgo

package nvml

import (
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/gpus"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"github.com/stretchr/testify/require"
)

// rtx2060 is the card that Signalbox is specified for.
var rtx2060 = gpus.Config{Name: "NVIDIA GeForce RTX 2060 SUPER", MemoryMB: 8192}

func host(t *testing.T, cards ...gpus.Config) (*server.Server, *Meter) {
	t.Helper()
	s, err := server.New(server.WithGPUs(cards...), server.WithDriverVersion("580.95.05"))
	require.NoError(t, err)
	return s, &Meter{lib: s}
}

func TestTheCardIsMeasured(t *testing.T) {
	s, m := host(t, rtx2060)
	s.Devices[0].(*server.Device).MemoryInfo = nvml.Memory{Total: 8 << 30, Used: 5 << 30, Free: 3 << 30}
	r, err := m.Measure()
	require.NoError(t, err)
	require.Equal(t, Reading{Name: rtx2060.Name, Total: 8 << 30, Used: 5 << 30, Free: 3 << 30}, r)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close(), "closed twice")
	_, err = m.Measure()
	require.NoError(t, err, "and used again")
}

func TestWhatCannotBeMeasuredIsSaid(t *testing.T) {
	for want, ret := range map[error]nvml.Return{
		ErrNoLibrary: nvml.ERROR_LIBRARY_NOT_FOUND,
		ErrNoDriver:  nvml.ERROR_DRIVER_NOT_LOADED,
	} {
		s, m := host(t, rtx2060)
		works := s.InitFunc
		s.InitFunc = func() nvml.Return { return ret }
		_, err := m.Measure()
		require.ErrorIs(t, err, want)
		s.InitFunc = works
		_, err = m.Measure()
		require.NoError(t, err, "a driver that comes later is found")
	}
	_, m := host(t)
	_, err := m.Measure()
	require.ErrorIs(t, err, ErrNoCard)
	_, m = host(t, rtx2060, rtx2060)
	_, err = m.Measure()
	require.ErrorIs(t, err, ErrSeveral)
}

func TestALostCardThatComesBackIsFound(t *testing.T) {
	s, m := host(t, rtx2060)
	_, err := m.Measure()
	require.NoError(t, err)
	card := s.Devices[0].(*server.Device)
	works := card.GetMemoryInfoFunc
	card.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, nvml.ERROR_GPU_IS_LOST }
	_, err = m.Measure()
	require.ErrorIs(t, err, ErrLost)
	card.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, nvml.ERROR_RESET_REQUIRED }
	_, err = m.Measure()
	require.ErrorIs(t, err, ErrReset)
	card.GetMemoryInfoFunc = works
	_, err = m.Measure()
	require.NoError(t, err)
	card.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, nvml.ERROR_NOT_SUPPORTED }
	r, err := m.Measure()
	require.ErrorContains(t, err, "read the card's memory: ")
	require.Equal(t, rtx2060.Name, r.Name, "what is known stays")
}

// TestThisHost runs the real library: it measures a card where there is one,
// and elsewhere says why not.
func TestThisHost(t *testing.T) {
	m := New()
	defer func() { require.NoError(t, m.Close()) }()
	r, err := m.Measure()
	if err != nil {
		require.NotEmpty(t, err.Error())
		t.Logf("NO CARD MEASURED ON THIS HOST: %v", err)
		return
	}
	require.NotEmpty(t, r.Name)
	require.Positive(t, r.Total)
	t.Logf("measured %s: %d of %d bytes used", r.Name, r.Used, r.Total)
}
