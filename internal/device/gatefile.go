package device

import (
	"fmt"
	"os"

	"signalbox/workflows/contract"
)

const gateFile = "gate.json"

// readGate reads the gate that was kept; a folder without one has the zero
// gate, which revokes nothing.
func readGate(dir string) (contract.Gate, error) {
	var g contract.Gate
	if dir == "" {
		return g, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return g, fmt.Errorf("the gpu role's folder (state.dir): %w", err)
	}
	found, err := readState(dir, gateFile, "the scheduler sends the gate again", &g)
	if err == nil && !found {
		return g, writeGate(dir, g) // whether it can be kept is known now
	}
	return g, err
}

// writeGate keeps the gate, whole or not at all.
func writeGate(dir string, g contract.Gate) error {
	if dir == "" {
		return nil
	}
	if err := writeState(dir, gateFile, g); err != nil {
		return fmt.Errorf("keep the gate: %w", err)
	}
	return nil
}
