package workers

import (
	"context"

	"signalbox/activities"
	"signalbox/internal/documents"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows"
)

// ai runs the workflows of requests and jobs, and what they do without the GPU.
func (p *Process) ai(ctx context.Context, docs *store.Store, storeID string, prompts *tasks.Prompts, ready func()) error {
	poppler, err := documents.FindPoppler()
	if err != nil {
		p.Logger.Warn(err.Error())
	}
	a := &activities.Documents{Store: docs, Preparer: &documents.Preparer{
		Store: docs, StoreID: storeID, Poppler: poppler, Recipe: documents.Recipe(taskMaker(p.Config, prompts).OCRRecipe()),
	}}
	listing, wait := p.listing(ctx)
	defer wait()
	w := &workflows.AI{Listing: listing, Backend: p.Config.Webhooks.URL != ""}
	return serve(ctx, ready, NewRealtime(p.Client, w, a), NewBatch(p.Client, w, a, p.events()))
}
