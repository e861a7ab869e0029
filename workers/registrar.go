package workers

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"signalbox/workflows"
	"signalbox/workflows/contract"
)

// Times of the search attributes.
const (
	// attributesTimeout bounds one look.
	attributesTimeout = 5 * time.Second
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

// Start looks once, which is enough as a rule, and goes on looking until ctx
// ends where it is not.
func (r *Registrar) Start(ctx context.Context) {
	missing, err := r.look(ctx)
	if err == nil && len(missing) == 0 {
		r.Listing.Use()
		return
	}
	go r.keepLooking(ctx, missing, err)
}

func (r *Registrar) keepLooking(ctx context.Context, missing map[string]enumspb.IndexedValueType, err error) {
	said := ""
	for ctx.Err() == nil {
		if err == nil && len(missing) == 0 {
			wait(ctx, attributesSettle)
			if ctx.Err() == nil {
				r.Logger.Info("the workflows can be listed by search attributes now")
				r.Listing.Use()
			}
			return
		}
		if err == nil {
			err = r.add(ctx, missing)
		}
		if err == nil {
			missing = nil
			continue
		}
		if text := r.explain(missing, err); text != said && ctx.Err() == nil {
			said = text
			r.Logger.Warn(text)
		}
		wait(ctx, attributesRetry)
		missing, err = r.look(ctx)
	}
}

// look returns the attributes that the namespace lacks.
func (r *Registrar) look(ctx context.Context) (map[string]enumspb.IndexedValueType, error) {
	ctx, cancel := context.WithTimeout(ctx, attributesTimeout)
	defer cancel()
	list, err := r.Client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: r.Namespace})
	if err != nil {
		return nil, err
	}
	missing := contract.SearchAttributes()
	for name, have := range list.GetCustomAttributes() {
		want, ours := missing[name]
		if ours && have != want {
			return nil, fmt.Errorf("%s has type %s here, and %s is needed", name, have, want)
		}
		delete(missing, name)
	}
	return missing, nil
}

func (r *Registrar) add(ctx context.Context, missing map[string]enumspb.IndexedValueType) error {
	ctx, cancel := context.WithTimeout(ctx, attributesTimeout)
	defer cancel()
	_, err := r.Client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: r.Namespace, SearchAttributes: missing,
	})
	return err
}

func (r *Registrar) explain(missing map[string]enumspb.IndexedValueType, err error) string {
	text := "the workflows cannot be listed by project, document, task and failures: " + err.Error()
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		text += fmt.Sprintf("; temporal operator search-attribute create --namespace %s --name %s --type %s",
			r.Namespace, name, strings.TrimPrefix(missing[name].String(), "INDEXED_VALUE_TYPE_"))
	}
	return text
}
