package device

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Times of the probe.
const (
	probeEvery = 2 * time.Second
	// probeSick is the interval while the GPU is unhealthy: a return of health
	// is to be known soon.
	probeSick = 500 * time.Millisecond
	// modelsEvery is how often it is looked whether the server has the models.
	modelsEvery = 30 * time.Second
)

// Prober is what the probe needs of a model server.
type Prober interface {
	Probe(context.Context) (ollama.Status, error)
	Missing(ctx context.Context, models ...string) ([]string, error)
	Host() string
	// Continuation says whether aborted calls are gone on with.
	Continuation() string
}

// Reading is what was measured of the card.
type Reading struct {
	Name   string
	Memory contract.Memory
	// Broken is why a card that is there cannot work, nil if it can as far as is
	// known. That nothing can be measured breaks nothing.
	Broken error
}

// Card measures the card. It may hang with its driver; the probe does not.
type Card func() Reading

// Probe looks at the model server and the card until ctx ends.
func (d *Device) Probe(ctx context.Context, server Prober, card Card, models ...string) {
	p := prober{server: server, card: newCardReader(card), models: models}
	for {
		h, f := p.look(ctx)
		if ctx.Err() != nil {
			return
		}
		d.Probed(h, f)
		wait := probeEvery
		if h.Value == contract.Unhealthy {
			wait = probeSick
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

type prober struct {
	server  Prober
	card    *cardReader
	models  []string
	checked time.Time
	missing []string
}

// look measures once. Without a card to measure with, health is unknown as
// long as the model server answers; it still admits everything.
func (p *prober) look(ctx context.Context) (contract.Health, Facts) {
	var f Facts
	card := p.card.read(ctx)
	f.Card, f.Memory = card.Name, card.Memory
	f.Continuation = p.server.Continuation()
	status, err := p.server.Probe(ctx)
	if err != nil {
		p.checked = time.Time{}
		return unhealthy(fmt.Sprintf("Ollama at %s does not answer: %v", p.server.Host(), err)), f
	}
	f.Ollama, f.Simulated = p.server.Host()+" version "+status.Version, status.Simulated
	var loaded []string
	for _, l := range status.Loaded {
		loaded = append(loaded, l.Name)
	}
	f.Model = strings.Join(loaded, ", ")
	if time.Since(p.checked) > modelsEvery || len(p.missing) > 0 {
		if p.missing, err = p.server.Missing(ctx, p.models...); err == nil {
			p.checked = time.Now()
		}
	}
	if len(p.missing) > 0 {
		return unhealthy(fmt.Sprintf("Ollama at %s has no model %s; run: %s",
			p.server.Host(), strings.Join(p.missing, ", "), ollama.PullCommand(p.missing))), f
	}
	if card.Broken != nil {
		return unhealthy("the card: " + card.Broken.Error()), f
	}
	if f.Memory.Source == contract.MemoryUnknown {
		return contract.Health{Value: contract.HealthUnknown, Admits: contract.AdmitAll}, f
	}
	return contract.Health{Value: contract.Healthy, Admits: contract.AdmitAll}, f
}

func unhealthy(reason string) contract.Health {
	return contract.Health{Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: reason}
}
