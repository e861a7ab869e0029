package ollama

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// probeTimeout is how long the server may take to say that it is there.
const probeTimeout = 2 * time.Second

// Status is what a look at the server has found.
type Status struct {
	Version string
	Loaded  []Loaded
	// Simulated is true for the simulated Ollama.
	Simulated bool
}

// SimulatedVersionSuffix marks the version of the simulated Ollama.
const SimulatedVersionSuffix = "-simulated"

// Probe asks the server for its version and its loaded models.
func (r *Runtime) Probe(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout,
		&limitError{fmt.Sprintf("no answer within %s", probeTimeout)})
	defer cancel()
	version, err := r.client.Version(ctx)
	if err != nil {
		return Status{}, classify(ctx, "", err)
	}
	loaded, err := r.Loaded(ctx)
	if err != nil {
		return Status{}, err
	}
	return Status{Version: version, Loaded: loaded, Simulated: strings.HasSuffix(version, SimulatedVersionSuffix)}, nil
}

// PullCommand is what a person runs to get models.
func PullCommand(models []string) string {
	return "ollama pull " + strings.Join(models, " && ollama pull ")
}

// Missing returns which of the named models the server does not have.
func (r *Runtime) Missing(ctx context.Context, names ...string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	list, err := r.client.List(ctx)
	if err != nil {
		return nil, classify(ctx, "", err)
	}
	var have, missing []string
	for _, m := range list.Models {
		have = append(have, Name(m.Name))
	}
	for _, name := range names {
		if !slices.Contains(have, Name(name)) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}
