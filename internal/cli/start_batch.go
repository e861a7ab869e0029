package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signalbox/internal/store"
	"signalbox/starter"
	"signalbox/workflows/contract"
)

func startBatchCommand(o *options) *cobra.Command {
	var in contract.BatchInput
	var key, from, storeURL, choicesFile string
	var wait bool
	cmd := &cobra.Command{
		Use:   "batch",
		Short: "Start a batch job (AIRevisionBatch)",
		Long: `Start a batch job of 1 to 20,000 documents. It runs whenever the scheduler lets
it: inside the batch window, and never while someone waits for an answer.

Documents lie in the document store under projects/PROJECT/. Either name a
manifest there (one JSON object a line: {"id": …, "key": …}), or let --from copy
the text files of a folder into the store first.`,
		Example: `  signalbox start batch --project demo --from examples/documents --wait
  signalbox start batch --project bridge-7 --manifest incoming/2026-11.jsonl --priority 4
  signalbox start batch --project demo --from letters --field title --field discipline --choices choices.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readChoices(choicesFile, &in.Options.Extract.Choices); err != nil {
				return err
			}
			if from != "" && in.Manifest != "" {
				return usage("--from and --manifest exclude each other")
			}
			files, err := textFiles(from)
			if err != nil {
				return err
			}
			if from == "" {
				if err := in.Validate(); err != nil {
					return contract.NewInvalidInput(err)
				}
			}
			if key == "" {
				key = newKey("batch")
			}
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				if from != "" {
					if err := o.upload(cmd, s, &in, key, from, files, storeURL); err != nil {
						return err
					}
				}
				run, err := s.StartBatch(cmd.Context(), key, in)
				if err != nil {
					return err
				}
				if !wait {
					return o.printStarted(cmd, run.GetID(), run.GetRunID())
				}
				return o.printBatch(cmd, s, run.GetID())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.ProjectID, "project", "", "project id")
	f.StringSliceVar(&in.Stages, "stages", contract.Stages(), "stages, separated by commas")
	f.StringVar(&in.Manifest, "manifest", "", "key of a JSONL manifest in the project")
	f.StringVar(&from, "from", "", "folder whose text files are copied into the store")
	f.StringVar(&storeURL, "store", "", "document store for --from (default: the one that the scheduler's host names)")
	f.IntVar(&in.Priority, "priority", 0, "1 (first) to 5 (last) among jobs (default 3)")
	f.StringArrayVar(&in.Options.Extract.Fields, "field", nil, "a field wanted; may be repeated; all unless given")
	f.StringVar(&choicesFile, "choices", "", "JSON file {field: [choices]}")
	f.StringVar(&key, "id", "", "idempotency key and workflow id (default: a new one)")
	f.BoolVar(&wait, "wait", false, "show progress, wait, and print the result")
	return cmd
}

// upload copies the text files of a folder into the store and lists them in
// the input, or in a manifest where they are many.
func (o *options) upload(cmd *cobra.Command, s *starter.Starter, in *contract.BatchInput, key, from string, files []string, url string) error {
	ctx := cmd.Context()
	if in.ProjectID == "" {
		return usage("--project is missing")
	}
	if url == "" {
		st, err := s.Status(ctx, contract.DefaultGPU)
		if err != nil {
			return fmt.Errorf("the scheduler does not say which document store it uses (%w); name it with --store", err)
		}
		url = st.Config.StoreURL
	}
	docs, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = docs.Close() }()
	folder := "uploads/" + store.EncodeID(key)
	var list []contract.Document
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return err
		}
		d := contract.Document{ID: file, Key: folder + "/" + filepath.ToSlash(file)}
		if err := d.Validate(file); err != nil {
			return contract.NewInvalidInput(err)
		}
		if err := docs.WriteDocument(ctx, in.ProjectID, d.Key, data); err != nil {
			return err
		}
		list = append(list, d)
	}
	if len(list) <= contract.MaxInlineDocuments {
		in.Documents = list
		return nil
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, d := range list {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	in.Manifest = folder + "/manifest.jsonl"
	return docs.WriteDocument(ctx, in.ProjectID, in.Manifest, lines.Bytes())
}

// textFiles lists the text files under a folder, by their path in it.
func textFiles(from string) ([]string, error) {
	if from == "" {
		return nil, nil
	}
	if info, err := os.Stat(from); err != nil || !info.IsDir() {
		return nil, usage("--from %s is no folder", from)
	}
	var files []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".txt", ".text", ".md":
			rel, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		return nil, usage("--from: %v", err)
	}
	if len(files) == 0 {
		return nil, usage("--from: %s has no text files (.txt, .text, .md)", from)
	}
	sort.Strings(files)
	return files, nil
}

// follow shows a job's progress until it ends.
func follow(ctx context.Context, w io.Writer, s *starter.Starter, id string) {
	last := ""
	for ctx.Err() == nil {
		p, err := s.Progress(ctx, id)
		if err != nil {
			return // the result says what there is to say
		}
		line := fmt.Sprintf("%s: %d of %d done, %d failed", p.Phase, p.Done, p.Total, p.Failed)
		if p.Reason != "" {
			line += " (" + p.Reason + ")"
		}
		if line != last {
			fmt.Fprintln(w, line)
			last = line
		}
		if p.Total > 0 && p.Done+p.Failed == p.Total {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (o *options) printBatch(cmd *cobra.Command, s *starter.Starter, id string) error {
	// Progress is shown for as long as the result is awaited: a job that fails
	// or is cancelled has no last progress to wait for.
	watch, stop := context.WithCancel(cmd.Context())
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		if !o.json() {
			follow(watch, cmd.ErrOrStderr(), s, id)
		}
	}()
	r, err := s.Batch(cmd.Context(), id)
	stop()
	<-shown
	if err != nil {
		return o.stillRunning(cmd, id, err)
	}
	if o.json() {
		return printJSON(cmd.OutOrStdout(), r)
	}
	w := cmd.OutOrStdout()
	if r.Simulated {
		fmt.Fprintln(w, "SIMULATED: no real model answered")
	}
	fmt.Fprintf(w, "%d documents: %d done, %d failed, %d cancelled\npreempted %d times; %s on the GPU, %s of it lost to preemption\nreport: %s in project %s of the store\n",
		r.Total, r.Done, r.Failed, r.Cancelled, r.Preemptions, ms(r.GPUMs), ms(r.LostGPUMs), r.Report, r.ProjectID)
	return nil
}

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 4<<20)) }
