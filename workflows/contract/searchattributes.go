package contract

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
)

// Search attributes: what the Web UI, `temporal workflow list --query` and every
// SDK can list the workflows by. The workflows set them wherever the server has
// them, whoever starts the workflow.
var (
	// AttrProject is the project of a request or a job.
	AttrProject = temporal.NewSearchAttributeKeyKeyword("SignalboxProject")
	// AttrDocument is the document of a request.
	AttrDocument = temporal.NewSearchAttributeKeyKeyword("SignalboxDocument")
	// AttrTask is the task of a request.
	AttrTask = temporal.NewSearchAttributeKeyKeyword("SignalboxTask")
	// AttrFailed is how many documents of a job have failed so far.
	AttrFailed = temporal.NewSearchAttributeKeyInt64("SignalboxFailedDocuments")
	// AttrRFAState is the state of an RFA's approval.
	AttrRFAState = temporal.NewSearchAttributeKeyKeyword("SignalboxRFAState")
	// AttrRFADue is the end of the day on which an RFA is due.
	AttrRFADue = temporal.NewSearchAttributeKeyTime("SignalboxRFADue")
	// AttrRFAOverdue is whether an RFA's due date has passed while it waits.
	AttrRFAOverdue = temporal.NewSearchAttributeKeyBool("SignalboxRFAOverdue")
)

// SearchAttributes is the table of all of them, by name, for who registers them.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	table := map[string]enumspb.IndexedValueType{}
	for _, key := range []temporal.SearchAttributeKey{AttrProject, AttrDocument, AttrTask, AttrFailed, AttrRFAState, AttrRFADue, AttrRFAOverdue} {
		table[key.GetName()] = key.GetValueType()
	}
	return table
}
