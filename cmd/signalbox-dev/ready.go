package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"signalbox/internal/config"
	"signalbox/internal/devserver"
	"signalbox/internal/ollama"
)

// printReady says what was found and what to try next.
func (o options) printReady(w io.Writer, server *devserver.Server, cfg config.Config, took time.Duration) {
	fmt.Fprintf(w, "\nSignalbox is ready (%s)\n\n", took.Round(10*time.Millisecond))
	if url := server.UIURL(); url != "" {
		fmt.Fprintf(w, "  Web UI    %s\n", url)
	}
	fmt.Fprintf(w, "  Temporal  %s (namespace %s)\n", server.Address(), server.Namespace())
	if o.simulate {
		fmt.Fprintf(w, "  GPU       SIMULATED RTX 2060 SUPER with 8 GB; no real model answers\n")
	}
	fmt.Fprintf(w, "  Ollama    %s\n", describeOllama(cfg))
	fmt.Fprintf(w, "  Store     %s\n", cfg.Store.URL)
	fmt.Fprintf(w, "  Schedule  %s\n", cfg.Schedule.Describe(time.Now()))
	address := ""
	if server.Address() != "127.0.0.1:7233" {
		address = " --address " + server.Address()
	}
	fmt.Fprintf(w, `
Try in a second terminal, in this folder:
  go run ./cmd/signalbox%[1]s start revision --task suggest --text-file examples/documents/transmittal-0042.txt --wait
  go run ./cmd/signalbox%[1]s start batch --project demo --from examples/documents --wait
  go run ./cmd/signalbox%[1]s status

Ctrl-C stops everything; the next start goes on where this one ends.
`, address)
}

func describeOllama(cfg config.Config) string {
	server, err := ollama.New(cfg.Ollama.Host, ollama.Limits{})
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	status, err := server.Probe(ctx)
	if err != nil {
		return fmt.Sprintf("%s does not answer (%v); realtime requests are answered %q until it does",
			cfg.Ollama.Host, err, "AI service temporarily unavailable")
	}
	text := fmt.Sprintf("%s version %s", cfg.Ollama.Host, status.Version)
	missing, err := server.Missing(ctx, cfg.Models.Text.Name)
	switch {
	case err != nil:
		text += "; its models are not known: " + err.Error()
	case len(missing) > 0:
		text += "; MISSING model " + strings.Join(missing, ", ") + ": run ollama pull " + strings.Join(missing, " ")
	default:
		text += ", model " + cfg.Models.Text.Name
	}
	return text
}
