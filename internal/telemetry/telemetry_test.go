package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// serving is a telemetry that is served.
func serving(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New()
	require.NoError(t, err)
	stop, err := tel.Serve("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(stop)
	return tel
}

func get(t *testing.T, tel *telemetry.Telemetry, path string) (code int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + tel.Address() + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}

func TestAProcessIsReadyWhenEveryConditionIsMet(t *testing.T) {
	tel := serving(t)
	code, body := get(t, tel, telemetry.PathHealth)
	require.Equal(t, http.StatusOK, code, body)
	code, _ = get(t, tel, telemetry.PathReady)
	require.Equal(t, http.StatusServiceUnavailable, code, "it has said nothing yet")

	why := errors.New("waits for the claim on the GPU")
	tel.Ready.Require("ai", func(context.Context) error { return nil })
	tel.Ready.Require("gpu", func(context.Context) error { return why })
	code, body = get(t, tel, telemetry.PathReady)
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "ai: ready\ngpu: waits for the claim on the GPU")
	why = nil
	code, body = get(t, tel, telemetry.PathReady)
	require.Equal(t, http.StatusOK, code, body)
	code, _ = get(t, tel, "/nowhere")
	require.Equal(t, http.StatusNotFound, code)
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	tel, err := telemetry.New()
	require.NoError(t, err)
	_, err = tel.Serve(l.Addr().String())
	require.ErrorContains(t, err, l.Addr().String()+" is in use by another process")
}

func TestTheMetricsOfTheGPU(t *testing.T) {
	tel := serving(t)
	state := contract.GPUState{
		Health: contract.Health{Value: contract.Healthy}, RealtimeWaiting: 2, RealtimeRunning: 1, Overlaps: 0,
		Memory: contract.Memory{TotalBytes: 8e9, UsedBytes: 5e9, FreeBytes: 3e9, Source: contract.MemoryMeasured},
	}
	gpu, err := tel.GPU(func() contract.GPUState { return state })
	require.NoError(t, err)
	gpu.Ran(telemetry.Run{
		OnGPU: true, Class: contract.Batch, Stage: contract.StageOCR, Outcome: "preempted", Busy: 3 * time.Second, Lost: time.Second,
		Tokens: contract.Tokens{Prompt: 700, Output: 30},
	})
	gpu.Waited(40 * time.Millisecond)
	gpu.Loaded("gemma4:e4b", 4*time.Second)
	_, body := get(t, tel, telemetry.PathMetrics)
	for _, line := range []string{
		`signalbox_gpu_runs_total{class="batch",outcome="preempted",stage="ocr"} 1`,
		`signalbox_gpu_busy_seconds_total{class="batch",stage="ocr"} 3`,
		`signalbox_gpu_lost_seconds_total{class="batch",stage="ocr"} 1`,
		`signalbox_tokens_total{class="batch",kind="prompt",stage="ocr"} 700`,
		`signalbox_realtime_wait_seconds_bucket{le="0.05"} 1`,
		`signalbox_realtime_wait_seconds_bucket{le="0.025"} 0`,
		`signalbox_model_load_seconds_count{model="gemma4:e4b"} 1`,
		`signalbox_gpu_overlaps_total 0`,
		`signalbox_realtime_due 3`,
		`signalbox_gpu_health{health="healthy"} 1`,
		`signalbox_gpu_health{health="unknown"} 0`,
		`signalbox_gpu_memory_bytes{kind="free",source="measured"} 3e+09`,
		`go_goroutines`,
	} {
		require.Contains(t, body, line)
	}
	state.Memory = contract.Memory{Source: contract.MemoryUnknown}
	_, body = get(t, tel, telemetry.PathMetrics)
	require.NotContains(t, body, "signalbox_gpu_memory_bytes{", "what is not known is not a number")
}

func TestTheMetricsOfTheScheduler(t *testing.T) {
	tel := serving(t)
	s, err := tel.Scheduler()
	require.NoError(t, err)
	_, body := get(t, tel, telemetry.PathMetrics)
	require.NotContains(t, body, "signalbox_batch_open", "nothing is known yet")
	s.Saw(contract.SchedulerStatus{Open: true, Waiting: 3, Jobs: []contract.JobStatus{{Lease: &contract.Lease{}}, {}}})
	_, body = get(t, tel, telemetry.PathMetrics)
	require.Contains(t, body, "signalbox_batch_open 1")
	require.Contains(t, body, "signalbox_window_open 0")
	require.Contains(t, body, `signalbox_batch_jobs{state="running"} 1`)
	require.Contains(t, body, `signalbox_batch_jobs{state="waiting"} 3`)
}

func TestTheSDKsMetricsAreAmongThem(t *testing.T) {
	tel := serving(t)
	h := tel.Temporal().WithTags(map[string]string{"task_queue": "gpu"})
	h.Counter("temporal_request").Inc(2)
	for _, tenure := range []string{"gpu-host-box-1", "gpu-host-box-2"} {
		tel.Temporal().WithTags(map[string]string{"task_queue": tenure}).Counter("temporal_request").Inc(1)
	}
	h.Timer("temporal_activity_schedule_to_start_latency").Record(30 * time.Millisecond)
	_, body := get(t, tel, telemetry.PathMetrics)
	require.Contains(t, body, `temporal_request_total{task_queue="gpu"} 2`)
	require.Contains(t, body, `temporal_request_total{task_queue="gpu-host"} 2`, "tenures leave no series behind")
	require.Contains(t, body, `temporal_activity_schedule_to_start_latency_seconds_bucket{task_queue="gpu",le="0.05"} 1`)
}

func TestNoTelemetryRecordsNothing(t *testing.T) {
	var gpu *telemetry.GPU
	gpu.Ran(telemetry.Run{})
	gpu.Waited(time.Second)
	gpu.Loaded("m", time.Second)
	var s *telemetry.Scheduler
	s.Saw(contract.SchedulerStatus{})
}
