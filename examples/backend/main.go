// Command backend is an app backend that uses Signalbox: an HTTP server that
// proposes fields for a document while somebody waits, and starts, follows and
// cancels batch jobs. It is a module of its own, as yours is; go.mod has the
// replace line.
//
//	go run .                                  # Temporal: TEMPORAL_ADDRESS or 127.0.0.1:7233
//	curl -H 'Idempotency-Key: order-4711' --data-binary @../documents/transmittal-0042.txt \
//	     http://127.0.0.1:8080/projects/demo/documents/TRN-0042/suggestions
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where to serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listen string) error {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return err
	}
	// Lazily: a backend comes up while Temporal is away, and answers 503.
	c, err := client.NewLazyClient(options)
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(starter.New(c))}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("serving at http://%s", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func routes(s *starter.Starter) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) (int, any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			code, body, err := do(r)
			if err != nil {
				code, body = problem(w.Header(), err)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_ = json.NewEncoder(w).Encode(body) // the caller may have gone
		})
	}

	// A person waits: the answer comes with this very request, or a clear no.
	handle("POST /projects/{project}/documents/{document}/suggestions", func(r *http.Request) (int, any, error) {
		text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, contract.MaxInlineTextBytes))
		if err != nil {
			return 0, nil, err
		}
		key := r.Header.Get("Idempotency-Key")
		if key == "" { // pressed twice, it is the same request
			key = fmt.Sprintf("%x", sha256.Sum256(text))
		}
		// Workflow ids are one namespace, in ASCII: whoever calls names only his own.
		key = "suggest/" + url.PathEscape(r.PathValue("project")) + "/" + url.PathEscape(r.PathValue("document")) + "/" + key
		_, err = s.StartRevision(r.Context(), key, contract.RevisionInput{
			Task: contract.TaskSuggest, ProjectID: r.PathValue("project"), DocumentID: r.PathValue("document"),
			Text: string(text), MaxWait: "30s",
		})
		if err != nil {
			return 0, nil, err
		}
		result, err := s.Revision(r.Context(), key)
		return http.StatusOK, result, err
	})

	// Nobody waits: the job goes on for as long as it takes.
	handle("PUT /jobs/{id}", func(r *http.Request) (int, any, error) {
		var in contract.BatchInput
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil {
			return 0, nil, contract.NewInvalidInput(err)
		}
		run, err := s.StartBatch(r.Context(), job(r), in)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusAccepted, map[string]any{"id": r.PathValue("id"), "joined": run.Joined}, nil
	})
	handle("GET /jobs/{id}", func(r *http.Request) (int, any, error) {
		progress, err := s.Progress(r.Context(), job(r))
		return http.StatusOK, progress, err
	})
	handle("DELETE /jobs/{id}", func(r *http.Request) (int, any, error) {
		return http.StatusAccepted, struct{}{}, s.Cancel(r.Context(), job(r))
	})
	return mux
}

// job is the workflow id of a job of this backend.
func job(r *http.Request) string { return "backend-job/" + r.PathValue("id") }

// problem turns an error into a status and a body.
func problem(header http.Header, err error) (int, any) {
	body := map[string]any{"error": err.Error()}
	if u, ok := contract.AsUnavailable(err); ok {
		header.Set("Retry-After", strconv.Itoa(u.RetryAfterSeconds))
		body["error"], body["reason"] = contract.MessageUnavailable, u.Reason
		return http.StatusServiceUnavailable, body
	}
	if f, ok := contract.AsInvalidInput(err); ok {
		body["error"], body["field"] = f.Reason, f.Field
		return http.StatusBadRequest, body
	}
	var notFound *serviceerror.NotFound
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, starter.ErrKeyReused):
		return http.StatusConflict, body
	case errors.As(err, &notFound):
		return http.StatusNotFound, body
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge, body
	}
	return http.StatusBadGateway, body
}
