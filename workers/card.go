package workers

import (
	"net"
	"net/url"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/nvml"
	"signalbox/workflows/contract"
)

// HostCard measures the NVIDIA card of this host, where that is the one that
// Ollama uses: an Ollama on another machine is never measured with this one's.
// What is not known says why.
func HostCard(o config.Ollama) (card device.Card, closeCard func()) {
	if why := notHere(o); why != "" {
		return unknown(why), func() {}
	}
	meter := nvml.New()
	return func() (string, contract.Memory) {
		r, err := meter.Measure()
		if err != nil {
			return r.Name, contract.Memory{Source: contract.MemoryUnknown, Why: err.Error()}
		}
		return r.Name, contract.Memory{
			TotalBytes: r.Total, UsedBytes: r.Used, FreeBytes: r.Free, Source: contract.MemoryMeasured,
		}
	}, func() { _ = meter.Close() } // the process ends; the driver cleans up
}

func unknown(why string) device.Card {
	return func() (string, contract.Memory) {
		return "", contract.Memory{Source: contract.MemoryUnknown, Why: why}
	}
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
	if err != nil || !isThisHost(u.Hostname()) {
		return "Ollama at " + o.Host + " runs on another machine, as far as its address tells (ollama.card)"
	}
	return ""
}

// isThisHost reports whether a name stands for this machine alone.
func isThisHost(name string) bool {
	addresses, err := net.LookupIP(name)
	if err != nil || len(addresses) == 0 {
		return false
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		own = nil
	}
	for _, a := range addresses {
		if !a.IsLoopback() && !contains(own, a) {
			return false
		}
	}
	return true
}

func contains(own []net.Addr, a net.IP) bool {
	for _, o := range own {
		if n, ok := o.(*net.IPNet); ok && n.IP.Equal(a) {
			return true
		}
	}
	return false
}
