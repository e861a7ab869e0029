package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// printJSON writes one JSON value for scripts.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func indented(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return string(raw)
	}
	return string(data)
}

// clock writes a time for people, in their own zone.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	local := t.Local()
	if time.Until(t).Abs() > 20*time.Hour {
		return local.Format("Mon 2 Jan 15:04 MST")
	}
	return local.Format("15:04:05 MST")
}

// times says how often something happened.
func times(what string, n int) string {
	switch n {
	case 0:
		return "never " + what
	case 1:
		return what + " once"
	}
	return fmt.Sprintf("%s %d times", what, n)
}

func ms(n int64) string { return (time.Duration(n) * time.Millisecond).String() }
