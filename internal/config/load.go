package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

// overrides are the environment variables that go before the file.
var overrides = map[string]func(*Config, string){
	"SIGNALBOX_OLLAMA_CARD":       func(c *Config, v string) { c.Ollama.Card = v },
	"SIGNALBOX_TELEMETRY_LISTEN":  func(c *Config, v string) { c.Telemetry.Listen = v },
	"OLLAMA_HOST":                 func(c *Config, v string) { c.Ollama.Host = v },
	"SIGNALBOX_SCHEDULE_TIMEZONE": func(c *Config, v string) { c.Schedule.TimeZone = v },
	"SIGNALBOX_MODELS_TEXT_NAME":  func(c *Config, v string) { c.Models.Text.Name = v },
	"SIGNALBOX_MODELS_EMBED_NAME": func(c *Config, v string) { c.Models.Embed.Name = v },
	"SIGNALBOX_STORE_URL":         func(c *Config, v string) { c.Store.URL = v },
	"SIGNALBOX_PROMPTS_DIR":       func(c *Config, v string) { c.Prompts.Dir = v },
	"SIGNALBOX_WEBHOOKS_URL":      func(c *Config, v string) { c.Webhooks.URL = v },
	"SIGNALBOX_WEBHOOKS_SECRET":   func(c *Config, v string) { c.Webhooks.Secret = v },
	"SIGNALBOX_RFA_LANGUAGE":      func(c *Config, v string) { c.RFA.Language = v },
	"SIGNALBOX_RFA_MAIL_FROM":     func(c *Config, v string) { c.RFA.Mail.From = v },
	"SIGNALBOX_RFA_MAIL_HOST":     func(c *Config, v string) { c.RFA.Mail.Host = v },
	"SIGNALBOX_RFA_MAIL_PASSWORD": func(c *Config, v string) { c.RFA.Mail.Password = v },
	"SIGNALBOX_STATE_DIR":         func(c *Config, v string) { c.State.Dir = v },
}

// Overrides lists the environment variables that go before the file.
func Overrides() []string {
	var names []string
	for name := range overrides {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// SimulatedFor is Simulated, with what the environment says of mail and webhooks.
func SimulatedFor(env func(string) string) (Config, error) {
	c := Simulated()
	for _, name := range Overrides() {
		if v := env(name); v != "" && (strings.HasPrefix(name, "SIGNALBOX_RFA_") || strings.HasPrefix(name, "SIGNALBOX_WEBHOOKS_")) {
			overrides[name](&c, v)
		}
	}
	if err := c.complete(); err != nil {
		return c, fmt.Errorf("environment:\n%w", err)
	}
	return c, nil
}

// Load reads the file at path, puts the environment over it, and checks all of
// it. An empty path reads no file. Every mistake is in the error.
func Load(path string, env func(string) string) (Config, error) {
	c := Default()
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("configuration: %w (examples/signalbox.yaml is a commented example)", err)
		}
		dec := yaml.NewDecoder(bytes.NewReader(data))
		dec.KnownFields(true)
		if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
			return c, fmt.Errorf("configuration %s: %s", path, describeYAML(err))
		}
	}
	for _, name := range Overrides() {
		if v := env(name); v != "" {
			overrides[name](&c, v)
		}
	}
	if err := c.complete(); err != nil {
		if path == "" {
			path = "(no file)"
		}
		return c, fmt.Errorf("configuration %s:\n%w", path, err)
	}
	return c, nil
}

var noDuration = regexp.MustCompile("cannot unmarshal !!\\w+ `([^`]*)` into time.Duration")

var unknownKey = regexp.MustCompile(`line (\d+): field (\S+) not found in type \S+`)

func describeYAML(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = noDuration.ReplaceAllString(text, "$1 is no duration; write for example 90s, 15m or 2h")
	return unknownKey.ReplaceAllString(text, "line $1: $2 is no key here; examples/signalbox.yaml has them all")
}

// complete brings values into one form and checks them all.
func (c *Config) complete() error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("  "+format, args...)) }

	if host, err := OllamaURL(c.Ollama.Host); err != nil {
		bad("ollama.host: %v", err)
	} else {
		c.Ollama.Host = host
	}
	if !slices.Contains([]string{CardAuto, CardHere, CardNone}, c.Ollama.Card) {
		bad("ollama.card: %q; allowed are auto, here, none", c.Ollama.Card)
	}
	if u, err := StoreURL(c.Store.URL); err != nil {
		bad("store.url: %v", err)
	} else {
		c.Store.URL = u
	}
	if _, err := calendar.New(c.Schedule.Spec); err != nil {
		bad("schedule.%v", err)
	}
	if peaks := contract.PeakModes(); !slices.Contains(peaks, c.Schedule.Peak) {
		bad("schedule.peak: %q; allowed are %s", c.Schedule.Peak, strings.Join(peaks, ", "))
	}
	between(bad, "schedule.peakIdle", c.Schedule.PeakIdle, time.Second, 4*time.Hour)
	between(bad, "schedule.quantum", c.Schedule.Quantum, time.Minute, 4*time.Hour)
	between(bad, "schedule.longestWait", c.Schedule.LongestWait, time.Minute, 30*24*time.Hour)
	between(bad, "schedule.reopenAfter", c.Schedule.ReopenAfter, 0, time.Minute)
	between(bad, "timeouts.load", c.Timeouts.Load, time.Second, 30*time.Minute)
	between(bad, "timeouts.prompt", c.Timeouts.Prompt, time.Second, 30*time.Minute)
	between(bad, "timeouts.generate", c.Timeouts.Generate, time.Second, time.Hour)
	between(bad, "timeouts.stall", c.Timeouts.Stall, time.Second, 10*time.Minute)
	if c.Memory.CPU != CPURefuse && c.Memory.CPU != CPUAllow {
		bad("memory.cpu: %q; allowed are refuse, allow", c.Memory.CPU)
	}
	between(bad, "keepWarm", c.KeepWarm, 0, 24*time.Hour)
	c.checkModel(bad, "models.text", c.Models.Text)
	c.checkEmbed(bad, "models.embed", c.Models.Embed)
	if err := checkListen(c.Telemetry.Listen); err != nil {
		bad("telemetry.listen: %v", err)
	}
	c.checkRFA(bad)
	c.checkWebhooks(bad)
	if c.State.Dir == "" {
		bad("state.dir: is missing; name a folder on this host")
	}
	return errors.Join(wrong...)
}

func (c *Config) checkModel(bad func(string, ...any), at string, m Model) {
	if m.Name == "" {
		bad("%s.name: is missing; write a name as in `ollama list`", at)
	}
	if m.ContextTokens < 512 || m.ContextTokens > 1<<20 {
		bad("%s.contextTokens: %d; allowed are 512 to %d", at, m.ContextTokens, 1<<20)
	}
	if m.MaxOutputTokens < 16 || m.MaxOutputTokens > m.ContextTokens/2 {
		bad("%s.maxOutputTokens: %d; allowed are 16 to half of contextTokens (%d)", at, m.MaxOutputTokens, m.ContextTokens/2)
	}
	if m.CharsPerToken < 0.5 || m.CharsPerToken > 10 {
		bad("%s.charsPerToken: %v; allowed are 0.5 to 10", at, m.CharsPerToken)
	}
	if m.Temperature < 0 || m.Temperature > 2 {
		bad("%s.temperature: %v; allowed are 0 to 2", at, m.Temperature)
	}
	if m.Continuation != ContinuationAuto && m.Continuation != ContinuationOff {
		bad("%s.continuation: %q; allowed are auto, off", at, m.Continuation)
	}
}

// leastEmbedContext holds a passage of 512 tokens, twice as long as guessed.
const leastEmbedContext = 1024

func (c *Config) checkEmbed(bad func(string, ...any), at string, m EmbedModel) {
	if m.Name == "" {
		return
	}
	if m.Name == c.Models.Text.Name {
		bad("%s.name: %q is the text model too; an embedding model is another one", at, m.Name)
	}
	if m.ContextTokens < leastEmbedContext || m.ContextTokens > 1<<20 {
		bad("%s.contextTokens: %d; allowed are %d to %d", at, m.ContextTokens, leastEmbedContext, 1<<20)
	}
	if m.CharsPerToken < 0.5 || m.CharsPerToken > 10 {
		bad("%s.charsPerToken: %v; allowed are 0.5 to 10", at, m.CharsPerToken)
	}
	if m.Placement != PlacementGPU && m.Placement != PlacementCPU {
		bad("%s.placement: %q; allowed are gpu, cpu", at, m.Placement)
	}
}

func between(bad func(string, ...any), at string, d, least, most time.Duration) {
	if d < least || d > most {
		bad("%s: %s; allowed are %s to %s", at, d, least, most)
	}
}

// checkListen checks a host:port to listen on, or nothing.
func checkListen(s string) error {
	if s == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is no host:port; empty serves nothing", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q: the port must be 0 to 65535", s)
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return fmt.Errorf("%q: %q is no IP address of this host", s, host)
	}
	return nil
}

// OllamaURL reads a host as Ollama itself does: host, host:port or a URL.
func OllamaURL(host string) (string, error) {
	const port = "11434"
	text := strings.TrimSpace(host)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("%q is no host, host:port or http(s) URL", host)
	}
	if u.Port() == "" && u.Scheme == "http" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	if u.Hostname() == "0.0.0.0" { // what a server listens on is not where it is
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// StorePlace is a store for people: the folder of a file:// URL.
func StorePlace(storeURL string) string {
	u, err := url.Parse(storeURL)
	if err != nil || u.Scheme != "file" {
		return storeURL
	}
	return filepath.FromSlash(u.Path)
}

// StoreURL turns a folder into the URL of a store in it, and passes a URL on.
func StoreURL(s string) (string, error) {
	if s == "" {
		return "", errors.New("is missing; name a folder or a bucket's URL")
	}
	if strings.Contains(s, "://") {
		if u, err := url.Parse(s); err != nil || !slices.Contains([]string{"file", "mem"}, u.Scheme) {
			return "", fmt.Errorf("%q; allowed are a folder or a file:// URL", s)
		}
		return s, nil
	}
	dir, err := filepath.Abs(s)
	if err != nil {
		return "", err
	}
	return "file://" + (&url.URL{Path: filepath.ToSlash(dir)}).EscapedPath() +
		"?create_dir=true&no_tmp_dir=true&metadata=skip", nil
}
