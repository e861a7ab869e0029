package activities

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// MemoString reads a text from a workflow's memo, empty where there is none.
func MemoString(memo *commonpb.Memo, key string) string {
	var s string
	payload, ok := memo.GetFields()[key]
	if !ok {
		return ""
	}
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &s); err != nil {
		return ""
	}
	return s
}
