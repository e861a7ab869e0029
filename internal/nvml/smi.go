package nvml

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// smiTimeout bounds one call of nvidia-smi, which takes about 50 ms.
const smiTimeout = 5 * time.Second

// What nvidia-smi is asked, in order. It answers in MiB, °C, W and percent.
const (
	smiCard      = "name,uuid,driver_version,memory.total,memory.used,memory.free,temperature.gpu,power.draw,power.limit,utilization.gpu"
	smiProcesses = "pid,process_name,used_memory"
)

// smi measures with the program nvidia-smi, run by run.
type smi struct {
	run func(ctx context.Context, args ...string) (string, error)
}

func newSMI() smi {
	return smi{run: func(ctx context.Context, args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "nvidia-smi", args...).Output()
		var failed *exec.ExitError
		if errors.As(err, &failed) { // it says what is wrong on either
			return string(out), errors.New(strings.TrimSpace(string(out) + string(failed.Stderr)))
		}
		return string(out), err
	}}
}

func (s smi) measure() (Reading, error) {
	ctx, cancel := context.WithTimeout(context.Background(), smiTimeout)
	defer cancel()
	out, err := s.run(ctx, "--query-gpu="+smiCard, "--format=csv,noheader,nounits")
	if err != nil {
		return Reading{}, explainSMI(err)
	}
	rows, err := readCSV(out)
	switch {
	case err != nil:
		return Reading{}, fmt.Errorf("read what nvidia-smi says: %w", err)
	case len(rows) == 0:
		return Reading{}, ErrNoCard
	case len(rows) > 1:
		return Reading{}, ErrSeveral
	case len(rows[0]) != strings.Count(smiCard, ",")+1:
		return Reading{}, fmt.Errorf("nvidia-smi answered with %d values", len(rows[0]))
	}
	v := rows[0]
	r := Reading{Name: v[0], UUID: v[1], Driver: v[2], Busy: -1}
	if strings.Contains(v[0], "Unable to determine") || v[3] == "[GPU is lost]" {
		return Reading{}, ErrLost
	}
	for i, into := range map[int]*int64{3: &r.Total, 4: &r.Used, 5: &r.Free} {
		mib, err := strconv.ParseFloat(v[i], 64)
		if err != nil {
			return Reading{Name: r.Name}, fmt.Errorf("nvidia-smi does not tell the card's memory: %q", v[i])
		}
		*into = int64(mib) << 20
	}
	r.Celsius = int(number(v[6], 0))
	r.Watts, r.WattsLimit = number(v[7], 0), number(v[8], 0)
	r.Busy = int(number(v[9], -1))
	r.Processes, r.NoProcesses = s.processes(ctx)
	return r, nil
}

func (s smi) processes(ctx context.Context) ([]Process, string) {
	out, err := s.run(ctx, "--query-compute-apps="+smiProcesses, "--format=csv,noheader,nounits")
	rows, bad := readCSV(out)
	if err != nil || bad != nil {
		return nil, whyUnsupported
	}
	all, why := []Process{}, ""
	for _, v := range rows {
		pid, err := strconv.Atoi(v[0])
		if err != nil || len(v) != 3 {
			return nil, whyUnsupported
		}
		p := Process{PID: pid, Name: v[1][strings.LastIndexAny(v[1], `/\`)+1:], Bytes: -1}
		if mib := number(v[2], -1); mib >= 0 {
			p.Bytes = int64(mib) << 20
		} else {
			why = whyNoBytes
		}
		all = append(all, p)
	}
	return all, why
}

// number reads a value that may be missing: [N/A], [Not Supported], [Unknown Error].
func number(s string, missing float64) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return missing
	}
	return f
}

func readCSV(out string) ([][]string, error) {
	if strings.TrimSpace(out) == "" || strings.HasPrefix(out, "No devices") {
		return nil, nil
	}
	r := csv.NewReader(strings.NewReader(out))
	r.TrimLeadingSpace, r.FieldsPerRecord = true, -1
	return r.ReadAll()
}

func explainSMI(err error) error {
	switch text := err.Error(); {
	case errors.Is(err, exec.ErrNotFound):
		return ErrNoBuild
	case strings.Contains(text, "No devices were found"):
		return ErrNoCard
	case strings.Contains(text, "couldn't communicate with the NVIDIA driver"):
		return ErrNoDriver
	case strings.Contains(text, "GPU is lost"):
		return ErrLost
	case strings.Contains(text, "requires reset"), strings.Contains(text, "Reset required"):
		return ErrReset
	default:
		const most = 200
		if len(text) > most {
			text = text[:most] + "…"
		}
		return fmt.Errorf("nvidia-smi: %s", text)
	}
}
