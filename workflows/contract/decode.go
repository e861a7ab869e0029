package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// decodeStrict reads one JSON object into v. Unknown fields, wrong types and
// anything after the object are errors that name the field.
func decodeStrict(data []byte, v any) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return fieldErr("input", "is missing; it must be one JSON object")
	}
	if data[0] != '{' {
		return fieldErr("input", "must be one JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return describeJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fieldErr("input", "has something after the JSON object")
	}
	return nil
}

func describeJSON(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		field := wrongType.Field
		if field == "" {
			field = "input"
		}
		return fieldErr(field, "must be %s, not %s", jsonKind(wrongType), wrongType.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fieldErr(strings.Trim(name, `"`), "is no field of this input")
	}
	return fieldErr("input", "is not valid JSON: %v", err)
}

func jsonKind(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "slice", "array":
		return "an array"
	case "map", "struct":
		return "an object"
	case "int", "int64", "float64":
		return "a number"
	}
	return "a " + e.Type.String()
}

// MaxIDBytes is the length limit of project, document and job ids.
const MaxIDBytes = 200

// checkID refuses what cannot be printed; everything else, slashes, dots,
// spaces and letters of any script, is a fine document number.
func checkID(field, id string, required bool) error {
	switch {
	case id == "" && required:
		return fieldErr(field, "is missing")
	case len(id) > MaxIDBytes:
		return fieldErr(field, "is %d bytes long; %d are allowed", len(id), MaxIDBytes)
	case !utf8.ValidString(id):
		return fieldErr(field, "is not valid UTF-8")
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return fieldErr(field, "contains the control character %U", r)
		}
	}
	return nil
}

func parseDuration(field, value string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, fieldErr(field, "%q is no duration; write for example \"90s\" or \"2m\"", value)
	}
	if d < least || d > most {
		return 0, fieldErr(field, "%s is outside %s to %s", value, least, most)
	}
	return d, nil
}

func oneOf(field, value string, allowed []string) error {
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	if value == "" {
		return fieldErr(field, "is missing; allowed are %s", strings.Join(allowed, ", "))
	}
	return fieldErr(field, "%q is unknown; allowed are %s", value, strings.Join(allowed, ", "))
}
