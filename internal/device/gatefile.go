package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
	path := filepath.Join(dir, gateFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, writeGate(dir, g) // whether it can be kept is known now
	}
	if err != nil {
		return g, fmt.Errorf("read the gate: %w", err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		return g, fmt.Errorf("%s is damaged (%w); remove it, the scheduler sends the gate again", path, err)
	}
	return g, nil
}

// writeGate keeps the gate, whole or not at all.
func writeGate(dir string, g contract.Gate) error {
	if dir == "" {
		return nil
	}
	if err := writeFile(filepath.Join(dir, gateFile), g); err != nil {
		return fmt.Errorf("keep the gate: %w", err)
	}
	return nil
}
