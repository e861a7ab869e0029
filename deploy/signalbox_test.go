package deploy_test

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"

	"signalbox/internal/cli"
	"signalbox/internal/config"
	"signalbox/workers"
)

// signalbox are the services that run what is built here.
func signalbox(t *testing.T, p *types.Project) []types.ServiceConfig {
	t.Helper()
	var found []types.ServiceConfig
	for _, s := range p.Services {
		if s.Build != nil {
			found = append(found, s)
		}
	}
	require.Len(t, found, 2)
	return found
}

// parse finds the command that the program runs for args.
func parse(t *testing.T, args []string) *cobra.Command {
	t.Helper()
	cmd, rest, err := cli.New().Find(args)
	require.NoError(t, err)
	require.NoError(t, cmd.ParseFlags(rest))
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()))
	return cmd
}

// mounted is the service's volume at target, or the one that target lies in.
func mounted(t *testing.T, s types.ServiceConfig, target string) types.ServiceVolumeConfig {
	t.Helper()
	i := slices.IndexFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == target })
	require.NotEqual(t, -1, i, "%s mounts nothing at %s", s.Name, target)
	return s.Volumes[i]
}

func configuration(t *testing.T, s types.ServiceConfig) config.Config {
	t.Helper()
	file, err := parse(t, s.Command).Flags().GetString("config")
	require.NoError(t, err)
	c, err := config.Load(mounted(t, s, file).Source, func(name string) string { return value(s, name) })
	require.NoError(t, err)
	return c
}

func TestCommands(t *testing.T) {
	served := map[string][]workers.Role{}
	for _, s := range signalbox(t, everything(t)) {
		cmd := parse(t, s.Command)
		require.Equal(t, "worker", cmd.Name())
		list, err := cmd.Flags().GetStringSlice("roles")
		require.NoError(t, err)
		served[s.Name], err = workers.ParseRoles(list)
		require.NoError(t, err)
	}
	require.Equal(t, map[string][]workers.Role{
		"signalbox-core": {workers.RoleScheduler, workers.RoleAI}, "signalbox-gpu": {workers.RoleGPU},
	}, served)
}

func TestHealthChecks(t *testing.T) {
	for _, s := range signalbox(t, everything(t)) {
		require.NotNil(t, s.HealthCheck, s.Name)
		test := s.HealthCheck.Test
		require.Equal(t, []string{"CMD", "signalbox"}, []string(test[:2]), s.Name)
		t.Setenv("SIGNALBOX_TELEMETRY_LISTEN", value(s, "SIGNALBOX_TELEMETRY_LISTEN"))
		cmd := parse(t, test[2:])
		require.Equal(t, "health", cmd.Name())
		port := strconv.Itoa(int(s.Ports[0].Target))
		require.Equal(t, "0.0.0.0:"+port, value(s, "SIGNALBOX_TELEMETRY_LISTEN"))
		require.Equal(t, port, instruction(t, "EXPOSE"))
	}
}

func TestConfinement(t *testing.T) {
	for _, s := range signalbox(t, everything(t)) {
		require.Empty(t, s.User, "%s: the Dockerfile names the user", s.Name)
		require.False(t, s.Privileged, s.Name)
		require.True(t, s.ReadOnly, s.Name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, s.Name)
		require.Empty(t, s.CapAdd, s.Name)
		require.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, s.Name)
		require.Equal(t, types.StringList{"/tmp"}, s.Tmpfs, "%s: for PDF pages and the host's lock", s.Name)
	}
}

func TestConfigurationOfServices(t *testing.T) {
	env := settings(t)
	env["SIGNALBOX_SCHEDULE_TIMEZONE"] = "Europe/Lisbon"
	p := load(t, env, core, gpu)
	hashes := map[string]bool{}
	for _, s := range signalbox(t, p) {
		for name := range s.Environment {
			if !strings.HasPrefix(name, "TEMPORAL_") {
				require.Contains(t, config.Overrides(), name, s.Name)
			}
		}
		c := configuration(t, s)
		require.Equal(t, "Europe/Lisbon", c.Schedule.TimeZone)
		require.Equal(t, "0.0.0.0:9464", c.Telemetry.Listen)
		mounted(t, s, config.StorePlace(c.Store.URL))
		hashes[c.Hash()] = true
	}
	require.Len(t, hashes, 1, "the roles differ in what has to be the same")

	worker := p.Services["signalbox-gpu"]
	c := configuration(t, worker)
	require.Equal(t, types.VolumeTypeVolume, mounted(t, worker, c.State.Dir).Type)
	require.Equal(t, "http://"+p.Services["ollama"].Name+":11434", c.Ollama.Host)
	require.Equal(t, config.CardHere, c.Ollama.Card)
}

func TestOllamaAgreesWithConfiguration(t *testing.T) {
	p := everything(t)
	ollama, pull, c := p.Services["ollama"], p.Services["ollama-pull"], configuration(t, p.Services["signalbox-gpu"])
	require.Equal(t, config.PlacementGPU, c.Models.Embed.Placement)
	require.Equal(t, "1", value(ollama, "OLLAMA_MAX_LOADED_MODELS"), "and one for each model with placement cpu")
	require.Equal(t, "1", value(ollama, "OLLAMA_NUM_PARALLEL"))
	overhead, err := strconv.ParseUint(value(ollama, "OLLAMA_GPU_OVERHEAD"), 10, 64)
	require.NoError(t, err)
	require.EqualValues(t, 3<<30, overhead)
	require.Equal(t, "1", value(ollama, "OLLAMA_NO_CLOUD"))

	require.Equal(t, c.Ollama.Host, value(pull, "OLLAMA_HOST"))
	require.Equal(t, c.Models.Text.Name, value(pull, "TEXT_MODEL"))
	require.Equal(t, c.Models.Embed.Name, value(pull, "EMBED_MODEL"))
	env := settings(t)
	env["SIGNALBOX_MODELS_TEXT_NAME"], env["SIGNALBOX_MODELS_EMBED_NAME"] = "text:1b", "vectors:1b"
	p = load(t, env, core, gpu)
	pull = p.Services["ollama-pull"]
	for _, s := range signalbox(t, p) {
		c := configuration(t, s)
		require.Equal(t, "text:1b", c.Models.Text.Name)
		require.Equal(t, "vectors:1b", c.Models.Embed.Name)
	}
	require.Equal(t, "text:1b", value(pull, "TEXT_MODEL"))
	require.Equal(t, "vectors:1b", value(pull, "EMBED_MODEL"))
}

// container looks variables up as a program in the service's container does.
type container struct{ types.ServiceConfig }

func (c container) Environ() []string {
	var list []string
	for name, v := range c.Environment.RemoveEmpty() {
		list = append(list, name+"="+*v)
	}
	return list
}

func (c container) LookupEnv(name string) (string, bool) {
	return value(c.ServiceConfig, name), c.Environment[name] != nil
}

func profile(t *testing.T, s types.ServiceConfig) envconfig.ClientConfigProfile {
	t.Helper()
	p, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{DisableFile: true, EnvLookup: container{s}})
	require.NoError(t, err)
	return p
}

func TestTemporalClient(t *testing.T) {
	for _, s := range signalbox(t, everything(t)) {
		require.Equal(t, envconfig.ClientConfigProfile{Address: "temporal:7233", Namespace: "default"}, profile(t, s),
			"%s: what .env does not set is not set, empty TLS variables would switch TLS on", s.Name)
	}

	// As it stands in a .env, with PEM text in lines.
	env, err := dotenv.Parse(strings.NewReader(`
TEMPORAL_ADDRESS=core.example:7233
TEMPORAL_API_KEY="key"
TEMPORAL_TLS=true
TEMPORAL_TLS_SERVER_NAME=temporal.example
TEMPORAL_TLS_SERVER_CA_CERT_DATA="-----BEGIN
ca"
TEMPORAL_TLS_CLIENT_CERT_DATA="-----BEGIN
cert"
TEMPORAL_TLS_CLIENT_KEY_DATA="-----BEGIN
key"
`))
	require.NoError(t, err)
	for name, v := range settings(t) {
		env[name] = v
	}
	for _, s := range signalbox(t, load(t, env, core, gpu)) {
		require.Equal(t, envconfig.ClientConfigProfile{
			Address: "core.example:7233", Namespace: "default", APIKey: "key",
			TLS: &envconfig.ClientConfigTLS{
				ServerName: "temporal.example", ServerCACertData: []byte("-----BEGIN\nca"),
				ClientCertData: []byte("-----BEGIN\ncert"), ClientKeyData: []byte("-----BEGIN\nkey"),
			},
		}, profile(t, s), s.Name)
	}
	example, _ := example(t)
	for name := range example {
		if strings.HasPrefix(name, "TEMPORAL_TLS") || name == "TEMPORAL_API_KEY" {
			require.Contains(t, env, name)
		}
	}
}

func TestConfigurationIsFoundWithoutFlag(t *testing.T) {
	file, err := parse(t, []string{"worker"}).Flags().GetString("config")
	require.NoError(t, err)
	for _, s := range signalbox(t, everything(t)) {
		mounted(t, s, path.Join(instruction(t, "WORKDIR"), file))
	}
}
