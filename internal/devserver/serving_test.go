package devserver_test

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	serversql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"

	"signalbox/internal/devserver"
)

func get(t *testing.T, url string) (status int, contentType, body string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(content)
}

func TestWebUI(t *testing.T) {
	o, _ := options(t)
	o.UIPort = 0
	o.Namespace = "yard"
	s := start(t, o)

	status, contentType, body := get(t, s.UIURL()+"/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, contentType, "text/html")
	require.Contains(t, body, "<html")

	status, _, body = get(t, s.UIURL()+"/api/v1/namespaces")
	require.Equal(t, http.StatusOK, status, body)
	var list struct {
		Namespaces []struct {
			NamespaceInfo struct{ Name string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	var names []string
	for _, n := range list.Namespaces {
		names = append(names, n.NamespaceInfo.Name)
	}
	require.Contains(t, names, "yard")

	_, _, body = get(t, s.UIURL()+"/api/v1/settings")
	var settings struct {
		Auth               struct{ Enabled bool }
		Codec              struct{ Endpoint string }
		DefaultNamespace   string
		DisableNewsFetch   bool
		NotifyOnNewVersion bool
	}
	require.NoError(t, json.Unmarshal([]byte(body), &settings))
	require.False(t, settings.Auth.Enabled)
	require.Empty(t, settings.Codec.Endpoint)
	require.Equal(t, "yard", settings.DefaultNamespace)
	require.True(t, settings.DisableNewsFetch)
	require.False(t, settings.NotifyOnNewVersion)

	stop(t, s)
	_, err := http.Get(s.UIURL())
	require.Error(t, err, "the UI is gone with the server")
}

func TestRetentionFollowsTheOption(t *testing.T) {
	o, _ := options(t)
	for _, want := range []time.Duration{devserver.DefaultRetention, 2 * time.Hour} {
		s := start(t, o)
		got, err := dial(t, s).WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{
			Namespace: devserver.DefaultNamespace,
		})
		require.NoError(t, err)
		require.Equal(t, want, got.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
		stop(t, s)
		o.Retention = 2 * time.Hour
	}
}

// TestPragmas asks the server's own connection: some pragmas are the
// connection's, and another one would only say what the driver's defaults are.
func TestPragmas(t *testing.T) {
	o, _ := options(t)
	o.StateDir = filepath.Join(o.StateDir, "100% odd?", "folder#1")
	s := start(t, o)
	admin, err := serversql.NewSQLAdminDB(sqlplugin.DbKindMain, devserver.DatabaseConfigOf(s),
		resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	require.NoError(t, err)
	require.NoError(t, admin.Exec(`CREATE TABLE probe AS SELECT j.journal_mode, s.synchronous, b.timeout
		FROM pragma_journal_mode j, pragma_synchronous s, pragma_busy_timeout b`))

	path := filepath.Join(o.StateDir, "temporal.db")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(o.StateDir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	stop(t, s)
	// A name that needs no quoting, for a connection that knows no quoting.
	plain := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, os.Rename(path, plain))
	db, err := sql.Open("sqlite", plain)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	var journal string
	var synchronous, timeout int
	require.NoError(t, db.QueryRow("SELECT * FROM probe").Scan(&journal, &synchronous, &timeout))
	require.Equal(t, "wal", journal)
	require.Equal(t, 2, synchronous, "2 is FULL")
	require.Equal(t, 10000, timeout, "milliseconds")
	var file string
	require.NoError(t, db.QueryRow("PRAGMA journal_mode").Scan(&file))
	require.Equal(t, "wal", file, "the mode that the file itself is in")
}
