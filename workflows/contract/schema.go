package contract

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// CheckSchema refuses what is no JSON schema. It is apart from Validate because
// the words of its error may differ from one time to the next, which a workflow
// has to record.
func CheckSchema(field string, schema json.RawMessage) error {
	if _, err := CompileSchema(schema); err != nil {
		return fieldErr(field, "is no JSON schema: %s", firstLine(err.Error()))
	}
	return nil
}

// CompileSchema compiles a schema for checking answers. References to other
// documents are refused: nothing is fetched.
func CompileSchema(schema json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(schema)))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a reference to %s is not followed", url)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
