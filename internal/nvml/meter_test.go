//go:build linux && cgo

package nvml

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
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
	for _, d := range s.Devices {
		works(s, d.(*server.Device))
	}
	return s, &Meter{lib: s}
}

// works gives a card what the mock leaves out.
func works(s *server.Server, d *server.Device) {
	s.SystemGetProcessNameFunc = func(pid int) (string, nvml.Return) {
		return map[int]string{4242: "/usr/bin/ollama runner --model x", 7: "chrome"}[pid], nvml.SUCCESS
	}
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 61, nvml.SUCCESS }
	d.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 94, nvml.SUCCESS }
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 98_210, nvml.SUCCESS }
	d.GetEnforcedPowerLimitFunc = func() (uint32, nvml.Return) { return 175_000, nvml.SUCCESS }
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 87}, nvml.SUCCESS }
	d.GetCurrentClocksEventReasonsFunc = func() (uint64, nvml.Return) { return nvml.ClocksEventReasonSwPowerCap, nvml.SUCCESS }
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 7, UsedGpuMemory: 200 << 20}, {Pid: 4242, UsedGpuMemory: 4 << 30}}, nvml.SUCCESS
	}
	d.GetGraphicsRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 7, UsedGpuMemory: 200 << 20}}, nvml.SUCCESS
	}
}

func TestTheCardIsMeasured(t *testing.T) {
	s, m := host(t, rtx2060)
	s.Devices[0].(*server.Device).MemoryInfo = nvml.Memory{Total: 8 << 30, Used: 5 << 30, Free: 3 << 30}
	r, err := m.Measure()
	require.NoError(t, err)
	require.Equal(t, Reading{
		Name: rtx2060.Name, UUID: s.Devices[0].(*server.Device).UUID, Driver: "580.95.05",
		Total: 8 << 30, Used: 5 << 30, Free: 3 << 30,
		Celsius: 61, SlowdownAt: 94, Watts: 98.21, WattsLimit: 175, Busy: 87,
		Processes: []Process{{PID: 4242, Name: "ollama", Bytes: 4 << 30}, {PID: 7, Name: "chrome", Bytes: 200 << 20}},
	}, r)
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

// TestWhatACardDoesNotTellStaysUnknown: it is no reason not to measure the rest.
func TestWhatACardDoesNotTellStaysUnknown(t *testing.T) {
	s, m := host(t, rtx2060)
	d := s.Devices[0].(*server.Device)
	const no = nvml.ERROR_NOT_SUPPORTED
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 0, no }
	d.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 0, no }
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 0, no }
	d.GetEnforcedPowerLimitFunc = func() (uint32, nvml.Return) { return 0, no }
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{}, no }
	d.GetCurrentClocksEventReasonsFunc = func() (uint64, nvml.Return) { return 0, no }
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, no }
	r, err := m.Measure()
	require.NoError(t, err)
	require.Equal(t, Reading{
		Name: rtx2060.Name, UUID: d.UUID, Driver: "580.95.05", Total: 8 << 30, Busy: -1, NoProcesses: whyUnsupported,
	}, r)
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 0, nvml.ERROR_GPU_IS_LOST }
	_, err = m.Measure()
	require.ErrorIs(t, err, ErrLost, "lost while it was measured")
}

// TestProcessesThatAreNotMeasured: a Windows desktop's driver says all ones, which is
// no memory of 16 EiB; WSL2's lists nothing.
func TestProcessesThatAreNotMeasured(t *testing.T) {
	s, m := host(t, rtx2060)
	d := s.Devices[0].(*server.Device)
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 4242, UsedGpuMemory: math.MaxUint64}}, nvml.SUCCESS
	}
	d.GetGraphicsRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.SUCCESS }
	r, err := m.Measure()
	require.NoError(t, err)
	require.Equal(t, []Process{{PID: 4242, Name: "ollama", Bytes: -1}}, r.Processes)
	require.Equal(t, whyNoBytes, r.NoProcesses)
	m.wsl = true
	r, err = m.Measure()
	require.NoError(t, err)
	require.Empty(t, r.Processes)
	require.Equal(t, whyUnsupported, r.NoProcesses)
	m.wsl = false
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NO_PERMISSION }
	r, err = m.Measure()
	require.NoError(t, err)
	require.Equal(t, whyHidden, r.NoProcesses)
}

func TestThrottling(t *testing.T) {
	s, m := host(t, rtx2060)
	d := s.Devices[0].(*server.Device)
	d.GetCurrentClocksEventReasonsFunc = func() (uint64, nvml.Return) { return 0x1 | 0x4 | 0x8 | 0x40, nvml.SUCCESS }
	r, err := m.Measure()
	require.NoError(t, err)
	require.Equal(t, []string{"hardware slowdown", "hardware thermal slowdown"}, r.Throttled, "idle and power cap are no faults")

	// An older driver has the function under its older name, and none may be called
	// that it lacks.
	s.LookupSymbolFunc = func(name string) error {
		if name == "nvmlDeviceGetCurrentClocksEventReasons" {
			return errors.New("undefined symbol")
		}
		return nil
	}
	d.GetCurrentClocksEventReasonsFunc = nil
	d.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nvml.Return) { return 0x80, nvml.SUCCESS }
	r, err = m.Measure()
	require.NoError(t, err)
	require.Equal(t, []string{"power brake"}, r.Throttled)
	s.LookupSymbolFunc = func(string) error { return errors.New("undefined symbol") }
	r, err = m.Measure()
	require.NoError(t, err)
	require.Empty(t, r.Throttled)
}

// TestErrorsOfTheCard are told as they come, and a GeForce, which cannot tell of
// memory errors, is asked only for what it can.
func TestErrorsOfTheCard(t *testing.T) {
	s, m := host(t, rtx2060)
	d := s.Devices[0].(*server.Device)
	events := make(chan nvml.EventData, 3)
	events <- nvml.EventData{EventType: nvml.EventTypeXidCriticalError, EventData: 31}
	events <- nvml.EventData{EventType: nvml.EventTypeXidCriticalError, EventData: 79}
	set := &mock.EventSet{
		WaitFunc: func(uint32) (nvml.EventData, nvml.Return) {
			select {
			case e := <-events:
				return e, nvml.SUCCESS
			default:
				return nvml.EventData{}, nvml.ERROR_TIMEOUT
			}
		},
		FreeFunc: func() nvml.Return { return nvml.SUCCESS },
	}
	s.EventSetCreateFunc = func() (nvml.EventSet, nvml.Return) { return set, nvml.SUCCESS }
	d.GetSupportedEventTypesFunc = func() (uint64, nvml.Return) {
		return nvml.EventTypeXidCriticalError | nvml.EventTypePState, nvml.SUCCESS
	}
	d.RegisterEventsFunc = func(types uint64, _ nvml.EventSet) nvml.Return {
		require.Equal(t, uint64(nvml.EventTypeXidCriticalError), types)
		return nvml.SUCCESS
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told []Xid
	require.NoError(t, m.Watch(ctx, func(x Xid) {
		if told = append(told, x); len(told) == 2 {
			cancel()
		}
	}))
	require.Equal(t, []Xid{{Number: 31, Program: true}, {Number: 79}}, told)
	require.Len(t, set.FreeCalls(), 1)

	set.WaitFunc = func(uint32) (nvml.EventData, nvml.Return) { return nvml.EventData{}, nvml.ERROR_GPU_IS_LOST }
	require.ErrorIs(t, m.Watch(t.Context(), nil), ErrLost)
	d.GetSupportedEventTypesFunc = func() (uint64, nvml.Return) { return nvml.EventTypePState, nvml.SUCCESS }
	require.ErrorIs(t, m.Watch(t.Context(), nil), errNoXid)
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
	t.Logf("measured %+v", r)
}
