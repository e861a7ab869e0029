package starter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"signalbox/workflows/contract"
)

// maxKey is the length limit of a workflow id.
const maxKey = 255

// checkKey refuses what Temporal cannot have as a workflow id: it travels in a
// header, which is printable ASCII.
func checkKey(key string) error {
	wrong := func(reason string) error {
		return contract.NewInvalidInput(&contract.FieldError{Field: "key", Reason: reason})
	}
	if key == "" || len(key) > maxKey {
		return wrong(fmt.Sprintf("has %d characters; 1 to %d are allowed", len(key), maxKey))
	}
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return wrong("is a workflow id: printable ASCII characters alone are allowed; a hash of a text in another script is a good one")
		}
	}
	return nil
}

// hashOf identifies an input.
func hashOf(in any) (string, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}

// earlier is the hash of the input that a workflow was started with, "" where
// that cannot be told. One that another client has started has no memo of it.
func (s *Starter) earlier(ctx context.Context, key, runID, workflow string, memo map[string]*commonpb.Payload) string {
	if known, ok := memoText(memo, memoInput); ok {
		return known
	}
	data, err := s.input(ctx, key, runID)
	if err != nil {
		return ""
	}
	// As it is decoded there, with the defaults of what was left out.
	var in any
	if workflow == contract.WorkflowAIRevision {
		in, err = contract.DecodeRevisionInput(data)
	} else {
		in, err = contract.DecodeBatchInput(data)
	}
	if err != nil {
		return "invalid" // no valid input is the same
	}
	hash, err := hashOf(in)
	if err != nil {
		return ""
	}
	return hash
}

// input is what a workflow was started with, as JSON; empty where that was nothing.
func (s *Starter) input(ctx context.Context, key, runID string) ([]byte, error) {
	events := s.client.GetWorkflowHistory(ctx, key, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := events.Next()
	if err != nil {
		return nil, err
	}
	if list := first.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads(); len(list) > 0 {
		return list[0].GetData(), nil
	}
	return nil, nil
}

func memoText(memo map[string]*commonpb.Payload, key string) (text string, ok bool) {
	p, ok := memo[key]
	if !ok {
		return "", false
	}
	err := converter.GetDefaultDataConverter().FromPayload(p, &text)
	return text, err == nil
}
