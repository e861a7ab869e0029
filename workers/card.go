package workers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/nvml"
	"signalbox/workflows/contract"
)

// HostCard measures the NVIDIA card of this host, where that is the one that
// Ollama uses: an Ollama on another machine is never measured with this one's.
// What is not known says why.
func HostCard(o config.Ollama) device.Card {
	meter := nvml.New()
	here := false
	return func() device.Reading {
		if !here {
			if why := notHere(o); why != "" {
				return unknown("", why)
			}
			here = true
		}
		r, err := meter.Measure()
		switch {
		case errors.Is(err, nvml.ErrLost), errors.Is(err, nvml.ErrReset):
			reading := unknown(r.Name, err.Error())
			reading.Broken = err
			return reading
		case err != nil:
			return unknown(r.Name, err.Error())
		}
		return device.Reading{Name: r.Name, Memory: contract.Memory{
			TotalBytes: r.Total, UsedBytes: r.Used, FreeBytes: r.Free, Source: contract.MemoryMeasured,
		}}
	}
}

func unknown(name, why string) device.Reading {
	return device.Reading{Name: name, Memory: contract.Memory{Source: contract.MemoryUnknown, Why: why}}
}

// notHere says why this host's card is not Ollama's, nothing if it is.
func notHere(o config.Ollama) string {
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
