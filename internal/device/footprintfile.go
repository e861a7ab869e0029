package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const footprintFile = "footprints.json"

// readFootprints reads what was learned; a folder without it has learned nothing.
func readFootprints(dir string) ([]Footprint, error) {
	if dir == "" {
		return nil, nil
	}
	path := filepath.Join(dir, footprintFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what models take of the memory: %w", err)
	}
	var all []Footprint
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); remove it, it is learned again", path, err)
	}
	return all, nil
}

// writeFootprints keeps what was learned, whole or not at all.
func writeFootprints(dir string, all []Footprint) error {
	if dir == "" {
		return nil
	}
	return writeFile(filepath.Join(dir, footprintFile), all)
}

// writeFile puts v as JSON into a file, whole or not at all.
func writeFile(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
