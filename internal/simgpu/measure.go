package simgpu

import (
	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// Measure is a device.Card: what NVML says of a real card.
func (s *Server) Measure() device.Reading {
	c := s.Card()
	return device.Reading{Name: c.Name, Memory: contract.Memory{
		TotalBytes: c.TotalBytes, UsedBytes: c.UsedBytes, FreeBytes: c.FreeBytes, Source: contract.MemorySimulated,
	}}
}
