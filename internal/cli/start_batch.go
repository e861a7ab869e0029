package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

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
the documents of a folder (text, PDF, PNG, JPEG) into the store first.

Stages, in the order they run in:
  ocr               read the pages of documents that have no text of their own
  extract-metadata  propose fields: title, document type, discipline, …
  embed-document    make vectors of passages, for search

Exit code 6 says that the job has ended and some documents failed.`,
		Example: `  signalbox start batch --project demo --from examples/documents --wait
  signalbox start batch --project bridge-7 --manifest incoming/2026-11.jsonl --priority 4
  signalbox start batch --project demo --from scans --stages ocr,extract-metadata,embed-document --max-pages 5
  signalbox start batch --project demo --from letters --field title --field discipline --choices choices.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readChoices(choicesFile, &in.Options.Extract.Choices); err != nil {
				return err
			}
			if from != "" && (in.Manifest != "" || in.Requeue != "") {
				return usage("--from, --manifest and --requeue exclude each other")
			}
			files, skipped, err := documentFiles(from)
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
				if skipped > 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d files in %s are no documents (%s) and stay behind\n", skipped, from, knownExtensions)
				}
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
					return o.printStarted(cmd, run)
				}
				return o.printBatch(cmd, s, run.GetID())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.ProjectID, "project", "", "project id")
	f.StringSliceVar(&in.Stages, "stages", []string{contract.StageOCR, contract.StageExtractMetadata}, "stages, separated by commas")
	f.StringVar(&in.Manifest, "manifest", "", "key of a JSONL manifest in the project")
	f.StringVar(&in.Requeue, "requeue", "", "a job of the project that has ended: its documents that failed or were cancelled")
	f.StringVar(&from, "from", "", "folder whose documents are copied into the store")
	f.StringVar(&storeURL, "store", "", "document store for --from (default: the one that the scheduler's host names)")
	f.IntVar(&in.Options.OCR.MaxPages, "max-pages", 0, "pages of a document that stage ocr reads (default 10)")
	f.IntVar(&in.Priority, "priority", 0, "1 (first) to 5 (last) among jobs (default 3)")
	f.StringArrayVar(&in.Options.Extract.Fields, "field", nil, "a field wanted; may be repeated; all unless given")
	f.StringVar(&choicesFile, "choices", "", "JSON file {field: [choices]}")
	f.StringVar(&key, "id", "", "idempotency key and workflow id (default: a new one)")
	f.BoolVar(&wait, "wait", false, "show progress, wait, and print the result")
	return cmd
}

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 4<<20)) }
