package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/devserver"
	"signalbox/internal/documents"
	"signalbox/internal/ollama"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// printReady says what was found and what to try next.
func (o options) printReady(w io.Writer, server *devserver.Server, cfg config.Config, metrics string, took time.Duration) {
	fmt.Fprintf(w, "\nSignalbox is ready (%s)\n\n", took.Round(10*time.Millisecond))
	if url := server.UIURL(); url != "" {
		fmt.Fprintf(w, "  Web UI    %s\n", url)
	}
	fmt.Fprintf(w, "  Temporal  %s (namespace %s)\n", server.Address(), server.Namespace())
	if o.simulate {
		fmt.Fprintf(w, "  GPU       SIMULATED RTX 2060 SUPER with 8 GB; no real model answers\n")
	} else {
		fmt.Fprintf(w, "  GPU       %s\n", describeCard(cfg))
	}
	fmt.Fprintf(w, "  Ollama    %s\n", describeOllama(cfg))
	if _, err := documents.FindPoppler(); err != nil {
		fmt.Fprintf(w, "  PDF       %v\n", err)
	}
	if metrics != "" {
		fmt.Fprintf(w, "  Metrics   http://%s/metrics\n", metrics)
	}
	fmt.Fprintf(w, "  Store     %s\n", config.StorePlace(cfg.Store.URL))
	fmt.Fprintf(w, "  Mail      %s\n", cfg.RFA.Mail.MailPlace())
	fmt.Fprintf(w, "  Webhooks  %s\n", cfg.Webhooks.Place())
	fmt.Fprintf(w, "  Schedule  %s\n", cfg.Schedule.Describe(time.Now()))
	address := ""
	if server.Address() != "127.0.0.1:7233" {
		address = " --address " + server.Address()
	}
	signalbox := "signalbox"
	if program, err := os.Executable(); err == nil && strings.Contains(program, "go-build") {
		signalbox = "go run ./cmd/signalbox"
	}
	fmt.Fprintf(w, `
Try in a second terminal, in this folder:
  %[2]s%[1]s start revision --task suggest --text-file examples/documents/transmittal-0042.txt --wait
  %[2]s%[1]s start batch --project demo --from examples/documents --wait
  %[2]s%[1]s status
  %[2]s%[1]s rfa start --file examples/rfa.json

Ctrl-C stops everything; the next start goes on where this one ends.
`, address, signalbox)
}

func describeCard(cfg config.Config) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := device.Measure(ctx, workers.HostCard(ctx, cfg.Ollama))
	if m := r.Memory; m.Source != contract.MemoryUnknown {
		return fmt.Sprintf("%s, %s of %s free", r.Name, contract.GiB(m.FreeBytes), contract.GiB(m.TotalBytes))
	}
	return strings.TrimSpace(r.Name+" memory not known") + ": " + r.Memory.Why
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
	models := []string{cfg.Models.Text.Name}
	if embed := cfg.Models.Embed.Name; embed != "" {
		models = append(models, embed)
	}
	missing, err := server.Missing(ctx, models...)
	switch {
	case err != nil:
		text += "; its models are not known: " + err.Error()
	case len(missing) > 0:
		text += "; MISSING model " + strings.Join(missing, ", ") + ": run " + ollama.PullCommand(missing)
	default:
		text += ", models " + strings.Join(models, ", ")
	}
	return text
}
