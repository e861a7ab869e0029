package activities

import (
	"context"
	"errors"

	"signalbox/internal/documents"
	"signalbox/workflows/contract"
)

// ResolveText finds out where the text of a request's source is, and renders
// the pages that the vision model has to read. What is wrong with the source is
// InvalidInput.
func (d *Documents) ResolveText(ctx context.Context, in contract.ResolveInput) (contract.Prepared, error) {
	defer beat(ctx).stop()
	found, err := d.Preparer.Prepare(ctx, documents.Request{
		Project: in.ProjectID, Key: in.Source, ContentType: contract.ContentTypeOf(in.Source), MaxPages: in.Pages,
	})
	var own *documents.Problem
	if errors.As(err, &own) {
		err = contract.NewInvalidInput(&contract.FieldError{Field: "source", Reason: own.Error()})
	}
	return found, err
}
