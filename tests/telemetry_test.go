package tests

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"signalbox/internal/cli"
	"signalbox/internal/telemetry"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// measured is a system whose workers show metrics and health, at a free port.
func measured(t *testing.T) (*system, *telemetry.Telemetry) {
	t.Helper()
	s := newSystem(t)
	tel, err := telemetry.New()
	require.NoError(t, err)
	c, err := client.Dial(client.Options{HostPort: s.address, MetricsHandler: tel.Temporal()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s.client, s.telemetry, s.cfg.Telemetry.Listen = c, tel, "127.0.0.1:0"
	return s, tel
}

func scrape(t *testing.T, tel *telemetry.Telemetry, path string) (code int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + tel.Address() + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}

// TestMetricsAndHealth: what a worker shows to Prometheus and to a container's
// health check.
func TestMetricsAndHealth(t *testing.T) {
	s, tel := measured(t)
	s.run(workers.AllRoles()...)
	s.answer("r", "REQ-1")
	s.startBatch("b", s.documents("p", 3))
	require.Equal(t, 3, s.endBatch("b").Done)

	s.eventually("the scheduler's metrics are up to date", func() bool {
		_, body := scrape(t, tel, telemetry.PathMetrics)
		return strings.Contains(body, "signalbox_batch_open 1")
	})
	_, body := scrape(t, tel, telemetry.PathMetrics)
	for _, line := range []string{
		`signalbox_gpu_runs_total{class="realtime",outcome="done",stage="suggest"} 1`,
		`signalbox_gpu_runs_total{class="batch",outcome="done",stage="extract-metadata"} 3`,
		`signalbox_realtime_wait_seconds_count 1`,
		`signalbox_model_load_seconds_count{model="gemma4:e4b"} 1`,
		`signalbox_gpu_overlaps_total 0`,
		`temporal_activity_schedule_to_start_latency_seconds_bucket`,
		`activity_type="RunStage"`,
	} {
		require.Contains(t, body, line)
	}
	code, body := scrape(t, tel, telemetry.PathReady)
	require.Equal(t, http.StatusOK, code, body)
	for _, role := range workers.AllRoles() {
		require.Contains(t, body, string(role)+": ready")
	}
	code, out, stderr := s.command("health", "--url", "http://"+tel.Address())
	require.Zero(t, code, stderr)
	require.Contains(t, out, "temporal: ready")
}

// TestAWorkerWithoutTheClaimIsNotReady: a second GPU worker stands by.
func TestAWorkerWithoutTheClaimIsNotReady(t *testing.T) {
	s, tel := measured(t)
	_, err := s.client.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{
		ID: contract.OwnerID(contract.DefaultGPU), TaskQueue: "nobody",
	}, contract.WorkflowGPUOwner, contract.OwnerInput{})
	require.NoError(t, err)
	s.begin(workers.RoleGPU)
	s.eventually("its health", func() bool { return tel.Address() != "" })
	s.eventually("a standby's health", func() bool {
		code, body := scrape(t, tel, telemetry.PathReady)
		return code == http.StatusServiceUnavailable && body == "temporal: ready\ngpu: waits for the claim on the GPU\n"
	})
	code, out, _ := s.command("health", "--url", "http://"+tel.Address())
	require.Equal(t, cli.ExitError, code)
	require.Contains(t, out, "waits for the claim on the GPU")
}
