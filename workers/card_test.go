package workers

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// An Ollama on another machine is never measured with this machine's card.
func TestTheCardIsMeasuredWhereItIsOllamas(t *testing.T) {
	own, err := net.InterfaceAddrs()
	require.NoError(t, err)
	here := []string{"127.0.0.1", "localhost", "[::1]"}
	for _, a := range own {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			here = append(here, n.IP.String())
		}
	}
	for _, host := range here {
		require.Empty(t, NotHere(config.Ollama{Host: "http://" + host + ":11434", Card: config.CardAuto}))
	}
	o := config.Ollama{Host: "http://192.0.2.7:11434", Card: config.CardAuto} // RFC 5737: nobody's
	require.Contains(t, NotHere(o), "runs on another machine")
	o.Host = "http://no-such-host.invalid:11434" // RFC 2606
	require.Contains(t, NotHere(o), "is not known")
	o.Card = config.CardHere
	require.Empty(t, NotHere(o), "a container's name says nothing")
	o.Card = config.CardNone
	require.Equal(t, device.Reading{
		Memory: contract.Memory{Source: contract.MemoryUnknown, Why: "ollama.card is none"},
	}, HostCard(t.Context(), o)())
}

// TestThisHostsCard is the production path on whatever this host has.
func TestThisHostsCard(t *testing.T) {
	r := HostCard(t.Context(), config.Ollama{Host: "http://127.0.0.1:11434", Card: config.CardAuto})()
	if r.Memory.Source == contract.MemoryMeasured {
		require.NotEmpty(t, r.Name)
		require.Positive(t, r.Memory.TotalBytes)
		return
	}
	require.Equal(t, contract.MemoryUnknown, r.Memory.Source)
	require.NotEmpty(t, r.Memory.Why, "it is said why nothing is known")
}
