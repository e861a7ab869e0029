package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"signalbox/internal/calendar"
	"signalbox/internal/config"
)

func none(string) string { return "" }

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "signalbox.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// The example shows every key with its default, and a time zone.
func TestTheExampleIsTheDefault(t *testing.T) {
	const example = "../../examples/signalbox.yaml"
	got, err := config.Load(example, none)
	require.NoError(t, err)
	want, err := config.Load(write(t, "schedule: {timeZone: Asia/Bangkok}"), none)
	require.NoError(t, err)
	// Written out, empty lists and the days of a window are the same as absent.
	got.Schedule.Holidays, got.Schedule.Dates = nil, nil
	require.Equal(t, []calendar.Window{{Days: []string{"daily"}, From: "18:00", To: "09:00"}}, got.Schedule.Windows)
	got.Schedule.Windows = want.Schedule.Windows
	require.Equal(t, want, got)

	shown, all := map[string]bool{}, map[string]bool{}
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(data, &tree))
	collect("", tree, shown)
	data, err = yaml.Marshal(config.Default())
	require.NoError(t, err)
	tree = nil
	require.NoError(t, yaml.Unmarshal(data, &tree))
	collect("", tree, all)
	for key := range all {
		require.Contains(t, shown, key, "examples/signalbox.yaml does not show it")
	}
	for _, name := range config.Overrides() {
		text, err := os.ReadFile(example)
		require.NoError(t, err)
		require.Contains(t, string(text), name)
	}
}

func collect(path string, tree map[string]any, into map[string]bool) {
	for k, v := range tree {
		into[path+k] = true
		if sub, ok := v.(map[string]any); ok {
			collect(path+k+".", sub, into)
		}
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	cases := map[string]string{
		"schedule:\n  timeZone: Mars/Base":                              `schedule.timeZone: "Mars/Base" is no IANA time zone`,
		"keepWarm: 5m":                                                  "schedule.timeZone: is missing",
		"schedule: {timeZone: UTC, peak: fill}":                         `schedule.peak: "fill"; allowed are closed, fill-when-idle, open`,
		"schedule: {timeZone: UTC, quantum: 1s}":                        "schedule.quantum: 1s; allowed are 1m0s to 4h0m0s",
		"schedule: {timeZone: UTC, windows: [{from: x, to: y}]}":        "schedule.windows[0].from",
		"schedule: {timeZone: UTC, hours: 3}":                           "line 1: hours is no key here",
		"schedule: {timeZone: UTC}\nollama: {host: 'ftp://x'}":          `ollama.host: "ftp://x" is no host`,
		"schedule: {timeZone: UTC}\nstore: {url: 's4://x'}":             "store.url",
		"schedule: {timeZone: UTC}\nmodels: {text: {name: ''}}":         "models.text.name: is missing",
		"schedule: {timeZone: UTC}\ntimeouts: {load: soon}":             "timeouts",
		"schedule: {timeZone: UTC}\nmodels: {text: {temperature: 9}}":   "models.text.temperature: 9; allowed are 0 to 2",
		"schedule: {timeZone: UTC}\nmodels: {text: {continuation: on}}": "models.text.continuation: \"on\"; allowed are auto, off",
	}
	for text, want := range cases {
		t.Run(want, func(t *testing.T) {
			_, err := config.Load(write(t, text), none)
			require.ErrorContains(t, err, want)
		})
	}
	_, err := config.Load(write(t, "keepWarm: 48h\nschedule: {peak: x}"), none)
	require.ErrorContains(t, err, "keepWarm: 48h0m0s; allowed are 0s to 24h0m0s")
	require.ErrorContains(t, err, "schedule.peak", "all mistakes at once")
	_, err = config.Load("/no/such/file", none)
	require.ErrorContains(t, err, "examples/signalbox.yaml")
}

func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	env := map[string]string{"OLLAMA_HOST": "gpu-box", "SIGNALBOX_SCHEDULE_TIMEZONE": "Europe/London", "SIGNALBOX_STORE_URL": "docs"}
	c, err := config.Load(write(t, "schedule: {timeZone: UTC}"), func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, "http://gpu-box:11434", c.Ollama.Host)
	require.Equal(t, "Europe/London", c.Schedule.TimeZone)
	require.Regexp(t, `^file:///.*/docs\?create_dir=true&no_tmp_dir=true&metadata=skip$`, c.Store.URL)
}

func TestOllamaHosts(t *testing.T) {
	for given, want := range map[string]string{
		"127.0.0.1":                    "http://127.0.0.1:11434",
		"box:1234":                     "http://box:1234",
		"https://ollama.example":       "https://ollama.example",
		"0.0.0.0:11434":                "http://127.0.0.1:11434",
		"http://192.168.10.100:11434/": "http://192.168.10.100:11434",
	} {
		c, err := config.Load("", func(name string) string {
			return map[string]string{"OLLAMA_HOST": given, "SIGNALBOX_SCHEDULE_TIMEZONE": "UTC"}[name]
		})
		require.NoError(t, err)
		require.Equal(t, want, c.Ollama.Host)
	}
}

func TestDescribe(t *testing.T) {
	c := config.Default()
	c.Schedule.TimeZone = "Asia/Bangkok"
	noon := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	require.Equal(t, "local time Tue 12:00 (Asia/Bangkok), batch window closed until Tue 18:00", c.Schedule.Describe(noon))
	require.Contains(t, config.Simulated().Schedule.Describe(noon), "open at any hour")
}

func TestTheHashFollowsTheSchedule(t *testing.T) {
	a, b := config.Default(), config.Default()
	require.Equal(t, a.Hash(), b.Hash())
	b.Schedule.Quantum++
	require.NotEqual(t, a.Hash(), b.Hash())
}
