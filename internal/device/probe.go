package device

import (
	"context"
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
	// State is all else that is known of it.
	State contract.Card
	// Xids are the errors of the card since the reading before.
	Xids []Xid
	// Broken is why a card that is there cannot work, nil if it can as far as is
	// known. That nothing can be measured breaks nothing.
	Broken error
}

// Xid is an error that the card's driver has reported; Program that a program caused
// it, and the card is well.
type Xid struct {
	Number  uint64
	Program bool
}

// Card measures the card. It may hang with its driver; the probe does not.
type Card func() Reading

// Probe looks at the model server and, through the keeper, at the card until ctx ends.
func (d *Device) Probe(ctx context.Context, server Prober, keeper *Keeper) {
	p := prober{server: server, keeper: keeper, quiet: d.quiet}
	for _, m := range keeper.opt.Models {
		p.models = append(p.models, m.Name)
	}
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

// quiet reports that no run is on the GPU.
func (d *Device) quiet() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.grant == nil
}

type prober struct {
	server  Prober
	keeper  *Keeper
	models  []string
	quiet   func() bool
	checked time.Time
	missing []string
	vitals  Vitals
}

// look measures once.
func (p *prober) look(ctx context.Context) (contract.Health, Facts) {
	quiet := p.quiet() // before it is measured, and after
	status, err := p.server.Probe(ctx)
	see := Sight{Host: p.server.Host(), Server: err}
	see.Card, see.Memory = p.keeper.Look(ctx, status.Loaded, err == nil, quiet && p.quiet())
	f := Facts{
		Card: see.Card.Name, State: see.Card.State, Memory: see.Card.Memory, Continuation: p.server.Continuation(),
	}
	if err != nil {
		p.checked = time.Time{}
		return p.vitals.Judge(time.Now(), see), f
	}
	f.Ollama, f.Simulated = p.server.Host()+" version "+status.Version, status.Simulated
	var loaded []string
	for _, l := range status.Loaded {
		loaded = append(loaded, l.Name)
	}
	f.Model = strings.Join(loaded, ", ")
	f.Models, f.Warnings = p.keeper.Report(see.Card, status.Loaded)
	if time.Since(p.checked) > modelsEvery || len(p.missing) > 0 {
		if p.missing, err = p.server.Missing(ctx, p.models...); err == nil {
			p.checked = time.Now()
		}
	}
	see.Missing = p.missing
	return p.vitals.Judge(time.Now(), see), f
}
