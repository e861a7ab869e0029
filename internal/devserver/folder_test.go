package devserver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"go.temporal.io/server/common/dynamicconfig"

	"signalbox/internal/devserver"
)

func TestFoldersThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir string) error
		want    string
	}{
		"newer server": {
			func(dir string) error { return devserver.WriteStamp(dir, "1.33.0", "", true) },
			"was written by server 1.33.0, newer than the " + devserver.Version(),
		},
		"newer server, first start cut off": {
			func(dir string) error { return devserver.WriteStamp(dir, "2.0.0", "0.12", false) },
			"was written by server 2.0.0, newer than the " + devserver.Version(),
		},
		"older schema": {
			func(dir string) error { return devserver.WriteStamp(dir, "1.30.0", "0.9", true) },
			"with database schema 0.9/",
		},
		"no version": {
			func(dir string) error { return devserver.WriteStamp(dir, "latest", "", true) },
			`"latest", which is not a version`,
		},
		"not a stamp": {
			func(dir string) error { return os.WriteFile(filepath.Join(dir, "VERSION"), []byte("1.32\n"), 0o600) },
			"is not a version stamp",
		},
		"somebody else's database": {
			func(dir string) error { return os.WriteFile(filepath.Join(dir, "temporal.db"), nil, 0o600) },
			"was not written by this program",
		},
		"database lost": {
			func(dir string) error { return devserver.WriteStamp(dir, devserver.Version(), "", true) },
			"temporal.db is missing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := options(t)
			require.NoError(t, c.prepare(o.StateDir))
			_, err := devserver.Start(t.Context(), o)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, o.StateDir)
		})
	}
}

func TestFoldersThatAreTakenOver(t *testing.T) {
	o, _ := options(t)
	// A first start that was cut off in the middle of making the schema.
	require.NoError(t, devserver.WriteStamp(o.StateDir, "1.31.0", "", false))
	require.NoError(t, os.WriteFile(filepath.Join(o.StateDir, "temporal.db"), []byte("half a database"), 0o600))
	stop(t, start(t, o))
	stamped, err := os.ReadFile(filepath.Join(o.StateDir, "VERSION"))
	require.NoError(t, err)
	require.Contains(t, string(stamped), `"server": "`+devserver.Version()+`"`)
	require.Contains(t, string(stamped), `"complete": true`)

	// An older server with the same schema, in a folder that was moved.
	require.NoError(t, devserver.WriteStamp(o.StateDir, "1.31.7", "", true))
	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(o.StateDir, moved))
	o.StateDir = moved
	s := start(t, o)
	c := dial(t, s)
	work(t, c)
	require.Contains(t, read(t, moved), devserver.Version())
}

func read(t *testing.T, dir string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "VERSION"))
	require.NoError(t, err)
	return string(content)
}

// TestSettingsAreTheServers fails when a setting's name or value is not one
// that this version of the server knows: it would be ignored without a word.
func TestSettingsAreTheServers(t *testing.T) {
	file := make(map[string][]map[string]any)
	for name, value := range devserver.Settings() {
		file[name] = []map[string]any{{"value": value}}
	}
	content, err := yaml.Marshal(file)
	require.NoError(t, err)
	loaded := dynamicconfig.LoadYamlFile(content)
	require.NoError(t, loaded.Err())
	require.Empty(t, loaded.Warnings)
	require.Len(t, loaded.Map, len(devserver.Settings()))
}

func TestSettingsAreACopy(t *testing.T) {
	devserver.Settings()["history.rps"] = 1
	require.NotEqual(t, 1, devserver.Settings()["history.rps"])
}
