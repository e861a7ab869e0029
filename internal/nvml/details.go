//go:build linux && cgo

package nvml

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// details reads what not every card and driver has. It fails only where the card is
// lost meanwhile: what is not supported stays unknown.
func (m *Meter) details(card nvml.Device, r *Reading) nvml.Return {
	worst := nvml.SUCCESS
	ok := func(ret nvml.Return) bool {
		if ret == nvml.ERROR_GPU_IS_LOST || ret == nvml.ERROR_RESET_REQUIRED {
			worst = ret
		}
		return ret == nvml.SUCCESS
	}
	if uuid, ret := card.GetUUID(); ok(ret) {
		r.UUID = uuid
	}
	if version, ret := m.lib.SystemGetDriverVersion(); ok(ret) {
		r.Driver = version
	}
	if t, ret := card.GetTemperature(nvml.TEMPERATURE_GPU); ok(ret) {
		r.Celsius = int(t)
	}
	if t, ret := card.GetTemperatureThreshold(nvml.TEMPERATURE_THRESHOLD_SLOWDOWN); ok(ret) {
		r.SlowdownAt = int(t)
	}
	if mw, ret := card.GetPowerUsage(); ok(ret) {
		r.Watts = float64(mw) / 1000
	}
	if mw, ret := card.GetEnforcedPowerLimit(); ok(ret) {
		r.WattsLimit = float64(mw) / 1000
	}
	if u, ret := card.GetUtilizationRates(); ok(ret) {
		r.Busy = int(u.Gpu)
	}
	if reasons, ret := m.throttling(card); ok(ret) {
		r.Throttled = throttled(reasons)
	}
	return worst
}

// throttling asks in the way that the driver knows: a function that its library
// lacks would end the program.
func (m *Meter) throttling(card nvml.Device) (uint64, nvml.Return) {
	has := m.lib.Extensions().LookupSymbol
	switch {
	case has("nvmlDeviceGetCurrentClocksEventReasons") == nil:
		return card.GetCurrentClocksEventReasons()
	case has("nvmlDeviceGetCurrentClocksThrottleReasons") == nil:
		return card.GetCurrentClocksThrottleReasons()
	}
	return 0, nvml.ERROR_FUNCTION_NOT_FOUND
}

// throttled names the reasons that are a fault, as nvml.h has them.
func throttled(reasons uint64) (words []string) {
	for _, reason := range []struct {
		bit  uint64
		word string
	}{
		{0x08, "hardware slowdown"},
		{0x20, "software thermal slowdown"},
		{0x40, "hardware thermal slowdown"},
		{0x80, "power brake"},
	} {
		if reasons&reason.bit != 0 {
			words = append(words, reason.word)
		}
	}
	return words
}
