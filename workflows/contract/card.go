package contract

import (
	"fmt"
	"strings"
)

// Card is what is known of a card beside its memory. What its driver does not tell is
// left out.
type Card struct {
	Driver string `json:"driver,omitempty"`
	// Celsius is its temperature, and SlowdownAt the one at which it slows itself down.
	Celsius    int `json:"celsius,omitempty"`
	SlowdownAt int `json:"slowdownAt,omitempty"`
	// Watts that it draws, and may.
	Watts      float64 `json:"watts,omitempty"`
	WattsLimit float64 `json:"wattsLimit,omitempty"`
	// Busy is how much of the last moments it worked, in percent.
	Busy *int `json:"busy,omitempty"`
	// Throttled says why it slows itself down.
	Throttled []string `json:"throttled,omitempty"`
	// Processes with memory on the card, the largest first. Where they or their memory
	// are not told, NoProcesses says why.
	Processes   []CardProcess `json:"processes,omitempty"`
	NoProcesses string        `json:"noProcesses,omitempty"`
}

// CardProcess is a program with memory on the card; Bytes is -1 where not known.
type CardProcess struct {
	PID   int    `json:"pid"`
	Name  string `json:"name,omitempty"`
	Bytes int64  `json:"bytes"`
}

// String names it for people.
func (p CardProcess) String() string {
	name := p.Name
	if name == "" {
		name = "a program"
	}
	if p.Bytes < 0 {
		return fmt.Sprintf("%s (process %d)", name, p.PID)
	}
	return fmt.Sprintf("%s (process %d) %s", name, p.PID, GiB(p.Bytes))
}

// GiB shows bytes in units of 2^30, in which cards are sold.
func GiB(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

// Describe says the card's state in one line, empty where nothing is known.
func (c Card) Describe() string {
	var parts []string
	add := func(known bool, format string, args ...any) {
		if known {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Celsius > 0, "%d °C", c.Celsius)
	add(c.Celsius > 0 && c.SlowdownAt > 0, "slows down at %d °C", c.SlowdownAt)
	add(c.Watts > 0 && c.WattsLimit > 0, "%.0f of %.0f W", c.Watts, c.WattsLimit)
	add(c.Watts > 0 && c.WattsLimit == 0, "%.0f W", c.Watts)
	add(c.Busy != nil, "%d %% busy", deref(c.Busy))
	add(len(c.Throttled) > 0, "slowed down: %s", strings.Join(c.Throttled, ", "))
	add(c.Driver != "", "driver %s", c.Driver)
	return strings.Join(parts, ", ")
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// ModelMemory is what a model takes of the memory, in bytes; 0 where not known.
type ModelMemory struct {
	Name string `json:"name"`
	// DeclaredBytes as in the configuration, and what was learned: in all, and on the card.
	DeclaredBytes    int64 `json:"declaredBytes,omitempty"`
	LearnedBytes     int64 `json:"learnedBytes,omitempty"`
	LearnedCardBytes int64 `json:"learnedCardBytes,omitempty"`
	// Loaded now, and what of it is on the card.
	Loaded    bool  `json:"loaded,omitempty"`
	Bytes     int64 `json:"bytes,omitempty"`
	CardBytes int64 `json:"cardBytes,omitempty"`
	// TokensPerSecond that it generates.
	TokensPerSecond float64 `json:"tokensPerSecond,omitempty"`
	// CPU is that it is kept off the card; Foreign that Signalbox does not use it.
	CPU     bool `json:"cpu,omitempty"`
	Foreign bool `json:"foreign,omitempty"`
}

// Describe says it in one line.
func (m ModelMemory) Describe() string {
	var parts []string
	add := func(known bool, format string, args ...any) {
		if known {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(m.Foreign, "loaded by somebody else")
	add(m.Loaded && m.CardBytes == 0, "%s loaded, on the CPU", GiB(m.Bytes))
	add(m.Loaded && m.CardBytes > 0 && m.CardBytes < m.Bytes, "%s loaded, %d %% of it on the card", GiB(m.Bytes), 100*m.CardBytes/max(1, m.Bytes))
	add(m.Loaded && m.CardBytes > 0 && m.CardBytes >= m.Bytes, "%s loaded, all of it on the card", GiB(m.Bytes))
	add(!m.Loaded, "not loaded")
	add(m.DeclaredBytes > 0, "%s declared", GiB(m.DeclaredBytes))
	add(m.LearnedCardBytes > 0, "%s on the card learned", GiB(m.LearnedCardBytes))
	add(m.LearnedBytes > 0 && m.LearnedCardBytes == 0, "%s learned", GiB(m.LearnedBytes))
	add(m.TokensPerSecond > 0, "%.0f tokens/s", m.TokensPerSecond)
	add(m.CPU, "kept off the card")
	return strings.Join(parts, ", ")
}

// Cleanup is what was verified of the memory after a run.
type Cleanup struct {
	// FreedBytes of the card by unloading models.
	FreedBytes int64 `json:"freedBytes,omitempty"`
	// Kept is the model that stays loaded, and why.
	Kept    string `json:"kept,omitempty"`
	KeptWhy string `json:"keptWhy,omitempty"`
	// Leaked says what is on the card that should not be.
	Leaked string `json:"leaked,omitempty"`
	// Problem is why it could not be verified.
	Problem string `json:"problem,omitempty"`
	TookMs  int64  `json:"tookMs,omitempty"`
}
