//go:build linux && cgo

package nvml

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// processes lists who has memory on the card, the largest first, or says why not.
func (m *Meter) processes(card nvml.Device) ([]Process, string) {
	if m.wsl {
		return nil, whyUnsupported
	}
	byPID := map[int]Process{}
	unmeasured := false
	for _, list := range []func() ([]nvml.ProcessInfo, nvml.Return){card.GetComputeRunningProcesses, card.GetGraphicsRunningProcesses} {
		found, ret := list()
		switch ret {
		case nvml.SUCCESS:
		case nvml.ERROR_NO_PERMISSION:
			return nil, whyHidden
		default:
			return nil, whyUnsupported
		}
		for _, p := range found {
			// Drivers that do not tell say all ones: nvml.VALUE_NOT_AVAILABLE is -1.
			bytes := int64(p.UsedGpuMemory)
			unmeasured = unmeasured || bytes < 0
			// One that computes and draws is in both lists, with the same memory.
			byPID[int(p.Pid)] = Process{PID: int(p.Pid), Name: m.program(int(p.Pid)), Bytes: max(bytes, -1)}
		}
	}
	all := make([]Process, 0, len(byPID))
	for _, p := range byPID {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Process) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.PID, b.PID))
	})
	if unmeasured {
		return all, whyNoBytes
	}
	return all, ""
}

// underWSL reports that this Linux runs inside Windows, whose driver lists nothing of
// what is on the card, and does not say so.
func underWSL() bool {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return err == nil && strings.Contains(strings.ToLower(string(release)), "microsoft")
}

// program is the name of a process's program, without its folder and arguments.
func (m *Meter) program(pid int) string {
	line, ret := m.lib.SystemGetProcessName(pid)
	if ret != nvml.SUCCESS {
		return ""
	}
	path, _, _ := strings.Cut(line, " ")
	return filepath.Base(path)
}
