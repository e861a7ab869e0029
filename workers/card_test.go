package workers

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
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
		require.Empty(t, notHere(config.Ollama{Host: "http://" + host + ":11434", Card: config.CardAuto}))
	}
	for _, host := range []string{"192.0.2.7", "no-such-host.invalid"} { // RFC 5737, RFC 2606
		o := config.Ollama{Host: "http://" + host + ":11434", Card: config.CardAuto}
		require.Contains(t, notHere(o), "runs on another machine")
		o.Card = config.CardHere
		require.Empty(t, notHere(o), "a container's name says nothing")
	}
	card, closeCard := HostCard(config.Ollama{Host: "http://127.0.0.1:11434", Card: config.CardNone})
	defer closeCard()
	name, memory := card()
	require.Empty(t, name)
	require.Equal(t, contract.Memory{Source: contract.MemoryUnknown, Why: "ollama.card is none"}, memory)
}

// TestThisHostsCard is the production path on whatever this host has.
func TestThisHostsCard(t *testing.T) {
	card, closeCard := HostCard(config.Ollama{Host: "http://127.0.0.1:11434", Card: config.CardAuto})
	defer closeCard()
	name, memory := card()
	if memory.Source == contract.MemoryMeasured {
		require.NotEmpty(t, name)
		require.Positive(t, memory.TotalBytes)
		return
	}
	require.Equal(t, contract.MemoryUnknown, memory.Source)
	require.NotEmpty(t, memory.Why, "it is said why nothing is known")
}
