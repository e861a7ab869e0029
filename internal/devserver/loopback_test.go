package devserver_test

import (
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const stateListen = "0A"

// listening returns the IP of every socket that this process listens on, by
// the socket's inode.
func listening(t *testing.T) map[string]net.IP {
	t.Helper()
	own := map[string]bool{}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && strings.HasPrefix(target, "socket:[") {
			own[strings.Trim(target, "socket:[]")] = true
		}
	}
	found := map[string]net.IP{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		content, err := os.ReadFile(table)
		if os.IsNotExist(err) { // a machine without IPv6
			continue
		}
		require.NoError(t, err)
		for _, line := range strings.Split(string(content), "\n") {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != stateListen || !own[f[9]] {
				continue
			}
			// Words of four bytes, each in the byte order of the machine; all
			// machines that Go has a SQLite for are little-endian.
			raw, err := hex.DecodeString(strings.Split(f[1], ":")[0])
			require.NoError(t, err)
			ip := make(net.IP, len(raw))
			for i := range raw {
				ip[i] = raw[i/4*4+3-i%4]
			}
			found[f[9]] = ip
		}
	}
	return found
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	before := listening(t)
	o, _ := options(t)
	o.UIPort = 0
	s := start(t, o)
	opened := 0
	for inode, ip := range listening(t) {
		if _, old := before[inode]; old {
			continue
		}
		opened++
		require.True(t, ip.IsLoopback(), "listens on %s", ip)
	}
	require.Equal(t, 6, opened, "frontend, internal frontend, history, matching, worker, Web UI; no metrics, no profiling")
	stop(t, s)
	require.Subset(t, before, listening(t), "ports that are left open")
}

func TestMetricsAreServedOnRequest(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o, _ := options(t)
	o.MetricsPort = free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	start(t, o)
	status, _, body := get(t, "http://"+free.Addr().String()+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "service_requests")
}
