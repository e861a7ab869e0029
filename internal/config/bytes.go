package config

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"go.yaml.in/yaml/v3"
)

// Bytes is an amount of memory, written like 512MB, 4.5GB (of 10^9) or 3GiB (of 2^30).
type Bytes int64

// UnmarshalYAML reads it.
func (b *Bytes) UnmarshalYAML(n *yaml.Node) error {
	v, err := humanize.ParseBytes(n.Value)
	const most = 1 << 50
	if err != nil || v > most {
		return fmt.Errorf("line %d: %q is no amount of memory; write for example 512MB, 4.5GB or 3GiB", n.Line, n.Value)
	}
	*b = Bytes(v)
	return nil
}

// MarshalYAML writes it as it is read.
func (b Bytes) MarshalYAML() (any, error) { return b.String(), nil }

func (b Bytes) String() string { return humanize.Bytes(uint64(max(0, b))) }
