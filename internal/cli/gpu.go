package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"signalbox/internal/config"
	"signalbox/internal/nvml"
	"signalbox/internal/ollama"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

func gpuCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gpu",
		Short: "Look at this host's card and at Ollama on it",
		Args:  cobra.ArbitraryArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return needNoun(cmd, args, "check") },
	}
	var file string
	check := &cobra.Command{
		Use:   "check",
		Short: "Measure this host's card, and say what can be measured and what cannot",
		Long: `Measure the NVIDIA card of this host as the gpu role does, look at the Ollama of
the configuration, and say what Signalbox will know of them and what not. Nothing
is changed: no model is loaded or unloaded. Temporal is not needed.

Exit code 0 says that the card was measured, 1 that it was not, and why.`,
		Example: `  signalbox gpu check
  signalbox gpu check --config /etc/signalbox.yaml
  signalbox gpu check --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := config.Default()
			if file != "" {
				var err error
				if cfg, err = config.Load(file, os.Getenv); err != nil {
					return usage("%v", err)
				}
			} else if host := os.Getenv("OLLAMA_HOST"); host != "" {
				url, err := config.OllamaURL(host)
				if err != nil {
					return usage("OLLAMA_HOST: %v", err)
				}
				cfg.Ollama.Host = url
			}
			report := checkGPU(cmd.Context(), cfg)
			if o.json() {
				if err := printJSON(cmd.OutOrStdout(), report); err != nil {
					return err
				}
			} else {
				report.print(cmd.OutOrStdout())
			}
			if report.Problem != "" {
				return errNotReady // which the report has said
			}
			return nil
		},
	}
	check.Flags().StringVar(&file, "config", "", "the gpu role's configuration file (default: Ollama at OLLAMA_HOST or 127.0.0.1:11434)")
	cmd.AddCommand(check)
	return cmd
}

// gpuReport is what the check has found.
type gpuReport struct {
	// Source says what this build measures with; Problem why the card was not measured.
	Source  string           `json:"source"`
	Problem string           `json:"problem,omitempty"`
	Card    string           `json:"card,omitempty"`
	UUID    string           `json:"uuid,omitempty"`
	Memory  *contract.Memory `json:"memory,omitempty"`
	State   *contract.Card   `json:"state,omitempty"`
	// NoXid says why the card's errors cannot be watched, empty if they can.
	NoXid string `json:"noXid,omitempty"`
	// NotOllamas says why this card is not the one that Ollama uses, empty if it is.
	NotOllamas string       `json:"notOllamas,omitempty"`
	Ollama     ollamaReport `json:"ollama"`
}

type ollamaReport struct {
	Host    string          `json:"host"`
	Version string          `json:"version,omitempty"`
	Problem string          `json:"problem,omitempty"`
	Loaded  []ollama.Loaded `json:"loaded,omitempty"`
}

func checkGPU(ctx context.Context, cfg config.Config) gpuReport {
	r := gpuReport{Source: nvml.Source, NotOllamas: workers.NotHere(cfg.Ollama), Ollama: checkOllama(ctx, cfg.Ollama.Host)}
	meter := nvml.New()
	defer func() { _ = meter.Close() }()
	found, err := meter.Measure()
	r.Card, r.UUID = found.Name, found.UUID
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	reading := workers.CardReading(found)
	r.State, r.Memory = &reading.State, &reading.Memory
	if err := meter.CanWatch(); err != nil {
		r.NoXid = err.Error()
	}
	return r
}

func checkOllama(ctx context.Context, host string) ollamaReport {
	r := ollamaReport{Host: host}
	server, err := ollama.New(host, ollama.Limits{})
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	status, err := server.Probe(ctx)
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	r.Version, r.Loaded = status.Version, status.Loaded
	return r
}

func (r gpuReport) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "Measured with\t%s\n", r.Source)
	if r.Problem != "" {
		fmt.Fprintf(w, "Card\tNOT MEASURED: %s\n", strings.TrimSpace(r.Card+" "+r.Problem))
	} else {
		r.printCard(w)
	}
	if r.NotOllamas != "" {
		fmt.Fprintf(w, "Used by Ollama\tno: %s\n", r.NotOllamas)
	}
	switch o := r.Ollama; {
	case o.Problem != "":
		fmt.Fprintf(w, "Ollama\t%s does not answer: %s\n", o.Host, o.Problem)
	case len(o.Loaded) == 0:
		fmt.Fprintf(w, "Ollama\t%s version %s, no model loaded\n", o.Host, o.Version)
	default:
		fmt.Fprintf(w, "Ollama\t%s version %s\n", o.Host, o.Version)
		for _, l := range o.Loaded {
			fmt.Fprintf(w, "\t%s\n", l)
		}
	}
}

func (r gpuReport) printCard(w io.Writer) {
	fmt.Fprintf(w, "Card\t%s (%s)\n", r.Card, r.UUID)
	fmt.Fprintf(w, "Memory\t%s of %s used, %s free\n",
		contract.GiB(r.Memory.UsedBytes), contract.GiB(r.Memory.TotalBytes), contract.GiB(r.Memory.FreeBytes))
	fmt.Fprintf(w, "State\t%s\n", r.State.Describe())
	for i, p := range r.State.Processes {
		name := "Processes"
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(w, "%s\t%s\n", name, p)
	}
	switch {
	case r.State.NoProcesses != "":
		fmt.Fprintf(w, "Processes\tnot known: %s\n", r.State.NoProcesses)
	case len(r.State.Processes) == 0:
		fmt.Fprintf(w, "Processes\tnone\n")
	}
	if r.NoXid != "" {
		fmt.Fprintf(w, "Errors (Xid)\tnot watched: %s\n", r.NoXid)
	} else {
		fmt.Fprintf(w, "Errors (Xid)\twatched\n")
	}
}
