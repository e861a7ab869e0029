package workers

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"signalbox/workflows"
	"signalbox/workflows/contract"
)

// Times of the search attributes.
const (
	// attributesSettle is how long a server may go on without knowing of new
	// ones: its services read them anew every 60 s
	// (server v1.32.1, common/searchattribute/manager.go, cacheRefreshInterval).
	attributesSettle = 65 * time.Second
	// attributesRetry is how often it is looked again where they are missing.
	attributesRetry = time.Minute
)

// Registrar registers the search attributes that the workflows set, and tells
// the workflows when they may set them. Where it may not, the workflows do
// without: one that sets an attribute that is not there is stuck for ever.
type Registrar struct {
	Client    client.Client
	Namespace string
	Logger    *slog.Logger
	Listing   *workflows.Listing
}

// listing is whether this process's workflows may set search attributes. Where they
// are missing they are registered, until ctx ends and wait returns.
func (p *Process) listing(ctx context.Context) (l *workflows.Listing, wait func()) {
	r := &Registrar{Client: p.Client, Namespace: p.Namespace, Logger: p.Logger, Listing: &workflows.Listing{}}
	var registering sync.WaitGroup
	if !r.Ready(ctx) {
		registering.Go(func() { r.Run(ctx) })
	}
	return r.Listing, registering.Wait
}

// Ready looks once, which is enough as a rule, and reports whether it was.
func (r *Registrar) Ready(ctx context.Context) bool {
	missing, err := r.look(ctx)
	if err != nil || len(missing) > 0 {
		return false
	}
	r.Listing.Use()
	return true
}

// Run registers what is missing, and ends when the workflows may use it, or
// with ctx.
func (r *Registrar) Run(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		err := r.register(ctx)
		if err == nil {
			return
		}
		if text := "the workflows cannot be listed by project, document, task and failures: " + err.Error(); text != said && ctx.Err() == nil {
			said = text
			r.Logger.Warn(text)
		}
		wait(ctx, attributesRetry)
	}
}

func (r *Registrar) register(ctx context.Context) error {
	missing, err := r.look(ctx)
	if err == nil && len(missing) > 0 {
		if err = r.add(ctx, missing); err == nil {
			wait(ctx, attributesSettle)
		}
	}
	if err != nil || ctx.Err() != nil {
		return err
	}
	r.Listing.Use()
	r.Logger.Info("the workflows can be listed by search attributes")
	return nil
}

// look returns the attributes that the namespace lacks.
func (r *Registrar) look(ctx context.Context) (map[string]enumspb.IndexedValueType, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	list, err := r.Client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: r.Namespace})
	if err != nil {
		return nil, err
	}
	missing, have := contract.SearchAttributes(), list.GetCustomAttributes()
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		is, there := have[name]
		if there && is != missing[name] {
			return nil, fmt.Errorf("namespace %s has %s with type %s, and Signalbox needs %s: remove that one, or use another namespace",
				r.Namespace, name, typeName(is), typeName(missing[name]))
		}
		if there {
			delete(missing, name)
		}
	}
	return missing, nil
}

func (r *Registrar) add(ctx context.Context, missing map[string]enumspb.IndexedValueType) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, err := r.Client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: r.Namespace, SearchAttributes: missing,
	})
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		text += fmt.Sprintf("; temporal operator search-attribute create --namespace %s --name %s --type %s",
			r.Namespace, name, typeName(missing[name]))
	}
	return fmt.Errorf("they cannot be registered: %s", text)
}

func typeName(t enumspb.IndexedValueType) string {
	return strings.TrimPrefix(t.String(), "INDEXED_VALUE_TYPE_")
}
