// Package config reads Signalbox's configuration: one YAML file, with overrides
// from the environment. Every wrong value is refused at start with its path and
// what is allowed.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

// Config is the whole configuration. examples/signalbox.yaml explains each key.
type Config struct {
	Ollama    Ollama        `yaml:"ollama" json:"ollama"`
	Schedule  Schedule      `yaml:"schedule" json:"schedule"`
	Models    Models        `yaml:"models" json:"models"`
	Timeouts  Timeouts      `yaml:"timeouts" json:"timeouts"`
	Memory    Memory        `yaml:"memory" json:"memory"`
	KeepWarm  time.Duration `yaml:"keepWarm" json:"keepWarm"`
	Store     Store         `yaml:"store" json:"store"`
	Prompts   Prompts       `yaml:"prompts" json:"prompts"`
	State     State         `yaml:"state" json:"state"`
	Telemetry Telemetry     `yaml:"telemetry" json:"telemetry"`
	RFA       RFA           `yaml:"rfa" json:"rfa"`
	Webhooks  Webhooks      `yaml:"webhooks" json:"webhooks"`
	// Simulated is set by --simulate, never by a file.
	Simulated bool `yaml:"-" json:"simulated,omitempty"`
}

// Ollama is where the model server is.
type Ollama struct {
	Host string `yaml:"host" json:"host"`
	// Card is auto, here or none: whether the NVIDIA card of the gpu role's host
	// is the one that this Ollama uses.
	Card string `yaml:"card" json:"card"`
}

// Values of Ollama.Card.
const (
	// CardAuto measures this host's card if Ollama's address is this host's.
	CardAuto = "auto"
	// CardHere measures it whatever the address looks like (containers).
	CardHere = "here"
	// CardNone measures nothing.
	CardNone = "none"
)

// Memory is the budget of the card's memory.
type Memory struct {
	// Margin stays free beside the models, for others; batch waits when they have
	// taken half of it.
	Margin Bytes `yaml:"margin" json:"margin"`
	// LeastFree is what has to be free for anything to be loaded.
	LeastFree Bytes `yaml:"leastFree" json:"leastFree"`
	// CPU is refuse or allow: what becomes of a model that was on the card and is
	// loaded onto the CPU, where an answer takes ten times as long.
	CPU string `yaml:"cpu" json:"cpu"`
}

// Values of Memory.CPU.
const (
	CPURefuse = "refuse"
	CPUAllow  = "allow"
)

// Schedule says when batch may run.
type Schedule struct {
	calendar.Spec `yaml:",inline"`
	// Peak is what batch does outside the windows.
	Peak string `yaml:"peak" json:"peak"`
	// PeakIdle is how long nobody must have asked for anything before batch fills
	// peak hours.
	PeakIdle time.Duration `yaml:"peakIdle" json:"peakIdle"`
	// Quantum is the longest lease of one job while others wait.
	Quantum time.Duration `yaml:"quantum" json:"quantum"`
	// LongestWait is how long a job may be in line while batch is open; then it
	// goes first whatever its priority.
	LongestWait time.Duration `yaml:"longestWait" json:"longestWait"`
	// ReopenAfter is the wait after the last realtime request.
	ReopenAfter time.Duration `yaml:"reopenAfter" json:"reopenAfter"`
}

// Models are the models in use.
type Models struct {
	Text  Model      `yaml:"text" json:"text"`
	Embed EmbedModel `yaml:"embed" json:"embed"`
}

// EmbedModel is the model that makes vectors. An empty name means that there is
// none: what needs it is refused.
type EmbedModel struct {
	Name          string  `yaml:"name" json:"name"`
	ContextTokens int     `yaml:"contextTokens" json:"contextTokens"`
	CharsPerToken float64 `yaml:"charsPerToken" json:"charsPerToken"`
	// Placement is gpu or cpu.
	Placement string `yaml:"placement" json:"placement"`
	// Memory that it takes, until that has been measured; 0 for not known.
	Memory Bytes `yaml:"memory" json:"memory"`
	// QueryPrefix and DocumentPrefix go before each text: some models are
	// trained with them.
	QueryPrefix    string `yaml:"queryPrefix" json:"queryPrefix"`
	DocumentPrefix string `yaml:"documentPrefix" json:"documentPrefix"`
}

// Placements of a model.
const (
	PlacementGPU = "gpu"
	PlacementCPU = "cpu"
)

// Model is one model and how it is called.
type Model struct {
	Name string `yaml:"name" json:"name"`
	// ContextTokens is the context window. Every call sends the same.
	ContextTokens int `yaml:"contextTokens" json:"contextTokens"`
	// MaxOutputTokens bounds one answer.
	MaxOutputTokens int `yaml:"maxOutputTokens" json:"maxOutputTokens"`
	// CharsPerToken is a careful guess: Ollama cuts a text that is too long
	// without a word.
	CharsPerToken float64 `yaml:"charsPerToken" json:"charsPerToken"`
	Temperature   float64 `yaml:"temperature" json:"temperature"`
	// Continuation is auto or off: whether a model call of free text that makes way
	// is gone on with, or begins again.
	Continuation string `yaml:"continuation" json:"continuation"`
	// Memory that it takes, until that has been measured; 0 for not known.
	Memory Bytes `yaml:"memory" json:"memory"`
}

// Values of Model.Continuation.
const (
	ContinuationAuto = "auto"
	ContinuationOff  = "off"
)

// Timeouts are the budgets of one model call.
type Timeouts struct {
	Load     time.Duration `yaml:"load" json:"load"`
	Prompt   time.Duration `yaml:"prompt" json:"prompt"`
	Generate time.Duration `yaml:"generate" json:"generate"`
	Stall    time.Duration `yaml:"stall" json:"stall"`
}

// Store is where documents are read and results are written.
type Store struct {
	URL string `yaml:"url" json:"url"`
}

// Prompts is a folder whose files replace built-in prompts.
type Prompts struct {
	Dir string `yaml:"dir" json:"dir"`
}

// State is the GPU role's folder for what it keeps across restarts.
type State struct {
	Dir string `yaml:"dir" json:"dir"`
}

// Telemetry is where metrics and health are served.
type Telemetry struct {
	// Listen is a host:port, empty for nowhere.
	Listen string `yaml:"listen" json:"listen"`
}

// Default is the configuration of an empty file. It lacks a time zone, which
// has no default.
func Default() Config {
	return Config{
		Ollama: Ollama{Host: "http://127.0.0.1:11434", Card: CardAuto},
		Schedule: Schedule{
			Spec: calendar.Spec{Windows: calendar.DefaultWindows()},
			Peak: contract.PeakClosed, PeakIdle: 5 * time.Minute, Quantum: 15 * time.Minute, LongestWait: 4 * time.Hour, ReopenAfter: time.Second,
		},
		Models: Models{
			Text: Model{
				Name: "gemma4:e4b", ContextTokens: 8192, MaxOutputTokens: 2048, CharsPerToken: 3, Temperature: 0.1,
				Continuation: ContinuationAuto, Memory: 4_500_000_000,
			},
			// The prefixes are those that nomic-embed-text was trained with
			// (https://huggingface.co/nomic-ai/nomic-embed-text-v1.5).
			Embed: EmbedModel{
				Name: "nomic-embed-text", ContextTokens: 2048, CharsPerToken: 3, Placement: PlacementGPU, Memory: 500_000_000,
				QueryPrefix: "search_query: ", DocumentPrefix: "search_document: ",
			},
		},
		Timeouts: Timeouts{
			Load: 2 * time.Minute, Prompt: 2 * time.Minute, Generate: 5 * time.Minute, Stall: 30 * time.Second,
		},
		Memory:    Memory{Margin: 3_000_000_000, LeastFree: 512_000_000, CPU: CPURefuse},
		KeepWarm:  5 * time.Minute,
		Store:     Store{URL: "/var/lib/signalbox/store"},
		State:     State{Dir: "/var/lib/signalbox/state"},
		Telemetry: Telemetry{Listen: DefaultListen},
		RFA:       defaultRFA(),
		Webhooks:  Webhooks{Timeout: 10 * time.Second, Recipients: map[string]string{}},
	}
}

// DefaultListen is where metrics and health are served: on loopback, at the
// port that is registered with OpenTelemetry's Prometheus exporter.
const DefaultListen = "127.0.0.1:9464"

// Simulated is the configuration of --simulate: the window is open at any hour.
func Simulated() Config {
	c := Default()
	c.Simulated = true
	c.Schedule.TimeZone = "UTC"
	c.Schedule.Windows = calendar.AllDay()
	return c
}

// Hash identifies what has to be the same on every host.
func (c Config) Hash() string {
	data, err := json.Marshal([]any{c.Schedule, c.Models, c.Simulated})
	if err != nil {
		return "" // plain data: it does not fail
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}

// Calendar is the schedule's calendar.
func (s Schedule) Calendar() calendar.Spec { return s.Spec }

// Describe says in one line what the schedule means now.
func (s Schedule) Describe(now time.Time) string {
	cal, err := calendar.New(s.Spec)
	if err != nil {
		return err.Error()
	}
	local := now.In(cal.Zone())
	state := cal.At(now)
	text := fmt.Sprintf("local time %s (%s), ", local.Format("Mon 15:04"), s.TimeZone)
	switch s.Peak {
	case contract.PeakOpen:
		return text + "batch may run at any hour (peak: open)"
	case contract.PeakFill:
		text += fmt.Sprintf("batch fills peak hours when nobody has asked for %s, ", s.PeakIdle)
	}
	text += "batch window "
	if state.Open {
		text += "open"
	} else {
		text += "closed"
	}
	if state.NextChange.IsZero() {
		return text + " at any hour"
	}
	return text + " until " + state.NextChange.In(cal.Zone()).Format("Mon 15:04")
}
