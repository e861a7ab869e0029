package nvml

import (
	"context"
	"errors"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// says is an nvidia-smi that answers like this.
func says(card, processes string, err error) smi {
	return smi{run: func(_ context.Context, args ...string) (string, error) {
		if args[0] == "--query-gpu="+smiCard {
			return card, err
		}
		return processes, nil
	}}
}

func TestWhatNvidiaSmiSays(t *testing.T) {
	r, err := says(
		"NVIDIA GeForce RTX 2060 SUPER, GPU-1c2b, 580.95.05, 8192, 5120, 3072, 61, 98.21, 175.00, 87\n",
		"4242, /usr/local/bin/ollama, 4711\n99, C:\\Program Files\\game.exe, 200\n", nil).measure()
	require.NoError(t, err)
	require.Equal(t, Reading{
		Name: "NVIDIA GeForce RTX 2060 SUPER", UUID: "GPU-1c2b", Driver: "580.95.05",
		Total: 8 << 30, Used: 5 << 30, Free: 3 << 30, Celsius: 61, Watts: 98.21, WattsLimit: 175, Busy: 87,
		Processes: []Process{{PID: 4242, Name: "ollama", Bytes: 4711 << 20}, {PID: 99, Name: "game.exe", Bytes: 200 << 20}},
	}, r)
}

func TestWhatNvidiaSmiDoesNotKnow(t *testing.T) {
	r, err := says("RTX, GPU-1, 5, 8192, 0, 8192, [N/A], [Not Supported], [Unknown Error], [N/A]\n", "7, x, [N/A]\n", nil).measure()
	require.NoError(t, err)
	require.Equal(t, Reading{
		Name: "RTX", UUID: "GPU-1", Driver: "5", Total: 8 << 30, Free: 8 << 30, Busy: -1,
		Processes: []Process{{PID: 7, Name: "x", Bytes: -1}}, NoProcesses: whyNoBytes,
	}, r)
	r, err = says("RTX, GPU-1, 5, 8192, 0, 8192, 1, 1, 1, 1\n", "something else", nil).measure()
	require.NoError(t, err)
	require.Equal(t, whyUnsupported, r.NoProcesses)
	_, err = says("RTX, GPU-1, 5, [N/A], 0, 8192, 1, 1, 1, 1\n", "", nil).measure()
	require.ErrorContains(t, err, `does not tell the card's memory: "[N/A]"`)
	_, err = says("RTX, GPU-1\n", "", nil).measure()
	require.ErrorContains(t, err, "2 values")
}

func TestWhatNvidiaSmiComplainsOf(t *testing.T) {
	for text, want := range map[string]error{
		"No devices were found": ErrNoCard,
		"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure …":                       ErrNoDriver,
		"Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU": ErrLost,
		"Unable to determine the device handle for GPU0: 0000:01:00.0: GPU requires reset":                                ErrReset,
	} {
		_, err := says("", "", errors.New(text)).measure()
		require.ErrorIs(t, err, want)
	}
	_, err := says("", "", &exec.Error{Name: "nvidia-smi", Err: exec.ErrNotFound}).measure()
	require.ErrorIs(t, err, ErrNoBuild)
	_, err = says("", "", nil).measure()
	require.ErrorIs(t, err, ErrNoCard)
	_, err = says("a, b\nc, d\n", "", nil).measure()
	require.ErrorIs(t, err, ErrSeveral)
	_, err = says("", "", errors.New("<html>")).measure()
	require.ErrorContains(t, err, "nvidia-smi: <html>")
}

func TestWithoutNvidiaSmi(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := newSMI().measure()
	require.ErrorIs(t, err, ErrNoBuild)
}
