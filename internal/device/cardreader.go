package device

import (
	"context"
	"errors"
	"sync"
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
	mu      sync.Mutex
	card    Card
	answers chan Reading
	asking  bool
	last    Reading
	xids    []Xid // that the probe has not seen yet
}

// Measure measures a card once, and waits no longer than two seconds for it.
func Measure(ctx context.Context, card Card) Reading { return newCardReader(card).read(ctx) }

func newCardReader(card Card) *cardReader {
	return &cardReader{card: card, answers: make(chan Reading, 1)}
}

// look is the probe's reading: each error of the card is in one of them.
func (c *cardReader) look(ctx context.Context) Reading {
	r := c.read(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Xids, c.xids = c.xids, nil
	return r
}

func (c *cardReader) read(ctx context.Context) Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
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
		c.xids = append(c.xids, r.Xids...)
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
