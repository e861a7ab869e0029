package device

const footprintFile = "footprints.json"

// readFootprints reads what was learned; a folder without it has learned nothing.
func readFootprints(dir string) ([]Footprint, error) {
	if dir == "" {
		return nil, nil
	}
	var all []Footprint
	_, err := readState(dir, footprintFile, "it is learned again", &all)
	return all, err
}

// writeFootprints keeps what was learned, whole or not at all.
func writeFootprints(dir string, all []Footprint) error {
	if dir == "" {
		return nil
	}
	return writeState(dir, footprintFile, all)
}
