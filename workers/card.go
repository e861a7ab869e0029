package workers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/nvml"
	"signalbox/workflows/contract"
)

// HostCard measures the NVIDIA card of this host, where that is the one that
// Ollama uses: an Ollama on another machine is never measured with this one's.
// What is not known says why. The card's errors are watched until ctx ends.
func HostCard(ctx context.Context, o config.Ollama) device.Card {
	c := &hostCard{ctx: ctx, ollama: o, meter: nvml.New()}
	return c.measure
}

type hostCard struct {
	ctx    context.Context
	ollama config.Ollama
	meter  *nvml.Meter
	here   bool // Ollama uses the card of this host

	mu       sync.Mutex
	watching bool
	watchAt  time.Time // when the card's errors were watched last
	xids     []device.Xid
}

func (c *hostCard) measure() device.Reading {
	if !c.here {
		if why := NotHere(c.ollama); why != "" {
			return unknown("", why)
		}
		c.here = true
	}
	r, err := c.meter.Measure()
	switch {
	case errors.Is(err, nvml.ErrLost), errors.Is(err, nvml.ErrReset):
		reading := unknown(r.Name, err.Error())
		reading.Broken = err
		return reading
	case err != nil:
		return unknown(r.Name, err.Error())
	}
	reading := CardReading(r)
	reading.Xids = c.errors()
	return reading
}

// watchAgain is how long a watch of the card's errors that has failed stays away.
const watchAgain = time.Minute

// errors are those since it was asked before; the first time begins to watch.
func (c *hostCard) errors() []device.Xid {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.watching && time.Since(c.watchAt) > watchAgain && c.ctx.Err() == nil {
		c.watching = true
		go c.watch()
	}
	xids := c.xids
	c.xids = nil
	return xids
}

func (c *hostCard) watch() {
	// A card that tells of no errors is one that has none: nothing to report.
	_ = c.meter.Watch(c.ctx, func(x nvml.Xid) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.xids = append(c.xids, device.Xid(x))
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching, c.watchAt = false, time.Now()
}

// mostProcesses of a card that are reported; the largest are first.
const mostProcesses = 8

// CardReading is what was measured of a card, for the device.
func CardReading(r nvml.Reading) device.Reading {
	state := contract.Card{
		Driver: r.Driver, Celsius: r.Celsius, SlowdownAt: r.SlowdownAt, Watts: r.Watts, WattsLimit: r.WattsLimit,
		Throttled: r.Throttled, NoProcesses: r.NoProcesses,
	}
	if r.Busy >= 0 {
		state.Busy = &r.Busy
	}
	for _, p := range r.Processes[:min(len(r.Processes), mostProcesses)] {
		state.Processes = append(state.Processes, contract.CardProcess(p))
	}
	return device.Reading{
		Name: r.Name, State: state,
		Memory: contract.Memory{TotalBytes: r.Total, UsedBytes: r.Used, FreeBytes: r.Free, Source: contract.MemoryMeasured},
	}
}

func unknown(name, why string) device.Reading {
	return device.Reading{Name: name, Memory: contract.Memory{Source: contract.MemoryUnknown, Why: why}}
}

// NotHere says why this host's card is not Ollama's, nothing if it is.
func NotHere(o config.Ollama) string {
	switch o.Card {
	case config.CardHere:
		return ""
	case config.CardNone:
		return "ollama.card is none"
	}
	u, err := url.Parse(o.Host)
	if err != nil {
		return err.Error()
	}
	here, err := isThisHost(u.Hostname())
	switch {
	case err != nil:
		return fmt.Sprintf("where Ollama at %s runs is not known: %v", o.Host, err)
	case !here:
		return "Ollama at " + o.Host + " runs on another machine, as far as its address tells (ollama.card)"
	}
	return ""
}

// lookupTimeout bounds a look at a name server, which may not be up yet.
const lookupTimeout = time.Second

// isThisHost reports whether a name stands for this machine alone.
func isThisHost(name string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, name)
	if err != nil {
		return false, err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	for _, a := range addresses {
		if !a.IP.IsLoopback() && !contains(own, a.IP) {
			return false, nil
		}
	}
	return len(addresses) > 0, nil
}

func contains(own []net.Addr, a net.IP) bool {
	for _, o := range own {
		if n, ok := o.(*net.IPNet); ok && n.IP.Equal(a) {
			return true
		}
	}
	return false
}
