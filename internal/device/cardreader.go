package device

import (
	"context"
	"errors"
	"time"

	"signalbox/workflows/contract"
)

// cardTimeout is how long a card may take to be measured; it takes less than a
// millisecond, and for ever where its driver hangs.
const cardTimeout = 2 * time.Second

// errNoAnswer is that the card's driver hangs.
var errNoAnswer = errors.New("its driver does not answer")

// cardReader measures the card without waiting for a driver that hangs: of that
// one call it waits for no other.
type cardReader struct {
	card    Card
	answers chan Reading
	asking  bool
	last    Reading
}

// Measure measures a card once, and waits no longer than two seconds for it.
func Measure(ctx context.Context, card Card) Reading { return newCardReader(card).read(ctx) }

func newCardReader(card Card) *cardReader {
	return &cardReader{card: card, answers: make(chan Reading, 1)}
}

func (c *cardReader) read(ctx context.Context) Reading {
	if c.card == nil {
		return Reading{Memory: contract.Memory{Source: contract.MemoryUnknown}}
	}
	if !c.asking {
		c.asking = true
		go func() { c.answers <- c.card() }()
	}
	timeout := time.NewTimer(cardTimeout)
	defer timeout.Stop()
	select {
	case r := <-c.answers:
		c.asking, c.last = false, r
		return r
	case <-timeout.C:
	case <-ctx.Done():
	}
	return Reading{
		Name: c.last.Name, Broken: errNoAnswer,
		Memory: contract.Memory{Source: contract.MemoryUnknown, Why: errNoAnswer.Error()},
	}
}
