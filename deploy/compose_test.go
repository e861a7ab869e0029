package deploy_test

import (
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	compose "github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

const (
	root        = ".."
	composeFile = root + "/docker-compose.yml"
	core        = "core"
	gpu         = "gpu"
)

// example is .env.example: every line that sets something, and whether it is
// commented out.
func example(t *testing.T) (values map[string]string, commented map[string]bool) {
	t.Helper()
	values, commented = map[string]string{}, map[string]bool{}
	line := regexp.MustCompile(`(?m)^(# )?([A-Z][A-Z0-9_]*)=(.*)$`)
	for _, m := range line.FindAllStringSubmatch(read(t, ".env.example"), -1) {
		require.NotContains(t, values, m[2], "twice in .env.example")
		values[m[2]], commented[m[2]] = m[3], m[1] != ""
	}
	return values, commented
}

// settings is .env.example as somebody has filled it in.
func settings(t *testing.T) map[string]string {
	t.Helper()
	values, commented := example(t)
	for name := range commented {
		if commented[name] {
			delete(values, name)
		}
	}
	values["POSTGRES_PASSWORD"] = "a-secret"
	return values
}

func tryLoad(t *testing.T, env map[string]string, profiles ...string) (*types.Project, error) {
	t.Helper()
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	options, err := compose.NewProjectOptions([]string{composeFile}, compose.WithWorkingDirectory(root),
		compose.WithEnv(list), compose.WithProfiles(profiles), compose.WithResolvedPaths(true))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

func load(t *testing.T, env map[string]string, profiles ...string) *types.Project {
	t.Helper()
	p, err := tryLoad(t, env, profiles...)
	require.NoError(t, err)
	return p
}

// everything is the project with both profiles.
func everything(t *testing.T) *types.Project {
	t.Helper()
	return load(t, settings(t), core, gpu)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(root + "/" + path)
	require.NoError(t, err)
	return string(data)
}

// value is what a container gets: nothing for a name that .env does not set.
func value(s types.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return ""
}

func TestExampleSettingsAreTheFiles(t *testing.T) {
	file, reads := read(t, "docker-compose.yml"), map[string]bool{"COMPOSE_PROFILES": true} // by Compose itself
	values, commented := example(t)
	found := regexp.MustCompile(`\$\{(\w+):([-?])([^}]+)}`).FindAllStringSubmatch(file, -1)
	for _, m := range found {
		name, required := m[1], m[2] == "?"
		reads[name] = true
		require.Contains(t, values, name, "not in .env.example")
		require.Equal(t, required, !commented[name], "%s: only what is required is not commented out", name)
		if !required {
			require.Equal(t, m[3], values[name], "default of %s", name)
		}
	}
	// Nothing is blank where .env leaves it out, and a shell's own variable is $$.
	require.Equal(t, strings.Count(file, "${"), len(found), "a variable without a default that is not required")
	require.NotRegexp(t, `[^$]\$\w`, file)

	for _, s := range everything(t).Services {
		for name, v := range s.Environment {
			if v == nil { // a name alone
				reads[name] = true
				require.Contains(t, values, name, "not in .env.example")
			}
		}
	}
	for name := range values {
		require.True(t, reads[name], "nothing reads %s", name)
	}
}

func TestRequiredSettings(t *testing.T) {
	for _, name := range []string{"POSTGRES_PASSWORD", "SIGNALBOX_SCHEDULE_TIMEZONE"} {
		for _, empty := range []bool{true, false} {
			env := settings(t)
			if env[name] = ""; !empty {
				delete(env, name)
			}
			_, err := tryLoad(t, env, core)
			require.ErrorContains(t, err, name)
		}
	}
	values, _ := example(t)
	require.Empty(t, values["POSTGRES_PASSWORD"], "a password has no default")
}

func TestPasswordStaysWithTemporal(t *testing.T) {
	for name, s := range everything(t).Services {
		has := false
		for key := range s.Environment {
			has = has || value(s, key) == "a-secret"
		}
		require.Equal(t, slices.Contains([]string{"postgres", "temporal", "temporal-schema"}, name), has, name)
	}
}

func TestProfiles(t *testing.T) {
	values, _ := example(t)
	require.Equal(t, core+","+gpu, values["COMPOSE_PROFILES"])
	require.Empty(t, load(t, settings(t)).Services, "services without a profile")

	all := everything(t).ServiceNames()
	inCore, inGPU := load(t, settings(t), core), load(t, settings(t), gpu)
	require.ElementsMatch(t, all, append(inCore.ServiceNames(), inGPU.ServiceNames()...))
	require.Contains(t, inCore.ServiceNames(), "signalbox-core")
	require.Contains(t, inGPU.ServiceNames(), "signalbox-gpu")
	for _, p := range []*types.Project{inCore, inGPU} {
		for name, s := range p.Services {
			for needed, how := range s.DependsOn {
				other, ok := p.Services[needed]
				require.True(t, ok, "%s depends on %s of another profile", name, needed)
				if how.Condition == types.ServiceConditionHealthy {
					require.NotNil(t, other.HealthCheck, "%s waits for the health of %s", name, needed)
				}
				if how.Condition == types.ServiceConditionCompletedSuccessfully {
					require.Equal(t, types.RestartPolicyNo, other.Restart, "%s waits for the end of %s", name, needed)
				}
			}
		}
	}
}

func TestRestarts(t *testing.T) {
	var once []string
	for name, s := range everything(t).Services {
		if s.Restart == types.RestartPolicyNo {
			once = append(once, name)
			continue
		}
		require.Equal(t, types.RestartPolicyUnlessStopped, s.Restart, name)
	}
	require.ElementsMatch(t, []string{"temporal-schema", "temporal-namespace", "ollama-pull"}, once)
}

func TestPortsAreOnLoopback(t *testing.T) {
	published := map[string]string{}
	for name, s := range everything(t).Services {
		for _, port := range s.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, name)
			require.NotContains(t, published, port.Published, name)
			published[port.Published] = name
		}
	}
	require.Equal(t, map[string]string{
		"7233": "temporal", "8233": "temporal-ui", "9464": "signalbox-core", "9465": "signalbox-gpu",
	}, published)

	env := settings(t)
	env["SIGNALBOX_BIND"] = "10.1.2.3"
	for name, s := range load(t, env, core, gpu).Services {
		for _, port := range s.Ports {
			require.Equal(t, name == "temporal", port.HostIP == "10.1.2.3", name)
		}
	}
}

func TestImagesArePinned(t *testing.T) {
	services := everything(t).Services
	for name, s := range services {
		if s.Build != nil {
			require.Empty(t, s.Image, name)
			continue
		}
		require.Regexp(t, `^[a-z/-]+:\d+(\.\d+)+$`, s.Image, name)
	}
	require.Equal(t, "temporalio/server:"+moduleVersion(t, "go.temporal.io/server"), services["temporal"].Image)
	require.Equal(t, "temporalio/ui:"+moduleVersion(t, "github.com/temporalio/ui-server/v2"), services["temporal-ui"].Image)
	require.Equal(t, "ollama/ollama:"+moduleVersion(t, "github.com/ollama/ollama"), services["ollama"].Image)
	require.Equal(t, services["ollama"].Image, services["ollama-pull"].Image)
	for _, name := range []string{"temporal-schema", "temporal-namespace"} {
		require.Equal(t, strings.Replace(services["temporal"].Image, "server", "admin-tools", 1), services[name].Image)
	}
}

// moduleVersion is a module's version in go.mod, without its v.
func moduleVersion(t *testing.T, path string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(path) + ` v(\S+)`).FindStringSubmatch(read(t, "go.mod"))
	require.NotNil(t, m, path)
	return m[1]
}

func TestVolumes(t *testing.T) {
	p := everything(t)
	used := map[string]bool{}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeVolume:
				require.Contains(t, p.Volumes, v.Source, name)
				used[v.Source] = true
			case types.VolumeTypeBind:
				require.FileExists(t, v.Source, name)
				require.True(t, v.ReadOnly, name)
				require.False(t, bool(v.Bind.CreateHostPath), "%s: a wrong path would become an empty folder", name)
			}
		}
	}
	for name := range p.Volumes {
		require.True(t, used[name], "no service uses the volume %s", name)
	}

	env := settings(t)
	env["SIGNALBOX_STORE"] = "/mnt/documents"
	for _, s := range signalbox(t, load(t, env, core, gpu)) {
		require.True(t, slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeBind && v.Source == "/mnt/documents"
		}), s.Name)
	}
}

func TestTemporalsPartsAgree(t *testing.T) {
	services := everything(t).Services
	db, schema, server := services["postgres"], services["temporal-schema"], services["temporal"]
	require.Equal(t, db.Name, value(schema, "SQL_HOST"))
	require.Equal(t, db.Name, value(server, "POSTGRES_SEEDS"))
	require.Equal(t, value(schema, "SQL_PORT"), value(server, "DB_PORT"))
	require.Equal(t, value(schema, "SQL_PLUGIN"), value(server, "DB"))
	require.Equal(t, value(db, "POSTGRES_USER"), value(schema, "SQL_USER"))
	require.Equal(t, value(db, "POSTGRES_USER"), value(server, "POSTGRES_USER"))
	require.Equal(t, value(db, "POSTGRES_PASSWORD"), value(schema, "SQL_PASSWORD"))
	require.Equal(t, value(db, "POSTGRES_PASSWORD"), value(server, "POSTGRES_PWD"))
	script := strings.Join(schema.Command, " ")
	for database, tables := range map[string]string{"DBNAME": "temporal", "VISIBILITY_DBNAME": "visibility"} {
		tool := "temporal-sql-tool --database " + value(server, database) + " "
		require.Contains(t, script, tool+"create-database\n")
		require.Contains(t, script, tool+"setup-schema --version 0.0\n")
		require.Contains(t, script, tool+"update-schema --schema-name postgresql/v12/"+tables+"\n")
	}
	require.Len(t, server.Volumes, 1)
	require.Equal(t, server.Volumes[0].Target, value(server, "DYNAMIC_CONFIG_FILE_PATH"))

	namespace := services["temporal-namespace"]
	require.Contains(t, strings.Join(namespace.Command, " "), "--retention 720h")
	for _, name := range []string{"temporal-namespace", "temporal-ui", "signalbox-core", "signalbox-gpu"} {
		host, port, err := net.SplitHostPort(value(services[name], "TEMPORAL_ADDRESS"))
		require.NoError(t, err, name)
		require.Equal(t, server.Name, host, name)
		require.Equal(t, strconv.Itoa(int(server.Ports[0].Target)), port, name)
	}
	env := settings(t)
	env["TEMPORAL_NAMESPACE"] = "acme"
	services = load(t, env, core, gpu).Services
	require.Equal(t, "acme", value(services["temporal-namespace"], "TEMPORAL_NAMESPACE"))
	require.Equal(t, "acme", value(services["temporal-ui"], "TEMPORAL_DEFAULT_NAMESPACE"))
	require.Equal(t, "acme", value(services["signalbox-core"], "TEMPORAL_NAMESPACE"))
	require.Equal(t, "acme", value(services["signalbox-gpu"], "TEMPORAL_NAMESPACE"))
}

func TestGPUHost(t *testing.T) {
	services := everything(t).Services
	for name, capability := range map[string]string{"ollama": "gpu", "signalbox-gpu": "utility"} {
		devices := services[name].Deploy.Resources.Reservations.Devices
		require.Len(t, devices, 1, name)
		require.Equal(t, "nvidia", devices[0].Driver, name)
		require.EqualValues(t, 1, devices[0].Count, name)
		require.Contains(t, devices[0].Capabilities, capability, name)
	}
	worker := services["signalbox-gpu"]
	require.Equal(t, "host", worker.Pid)
	require.Empty(t, worker.Hostname)
	require.Empty(t, worker.ContainerName)
	require.NotNil(t, worker.StopGracePeriod)
	require.GreaterOrEqual(t, time.Duration(*worker.StopGracePeriod), 40*time.Second)
}
