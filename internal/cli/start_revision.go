package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func startRevisionCommand(o *options) *cobra.Command {
	var in contract.RevisionInput
	var key, textFile, promptFile, schemaFile, choicesFile, contextsFile string
	var wait bool
	cmd := &cobra.Command{
		Use:   "revision",
		Short: "Start a realtime request (AIRevision)",
		Long: `Start a realtime request: batch makes way for it at once.

Tasks:
  suggest    propose a document's fields (title, document type, discipline, …),
             each with confidence, band (high, review, low) and a quote
  rag-query  answer a question out of the passages given, with citations, or
             say that they do not
  embed      make vectors of texts
  generate   answer a prompt, as free text or by a JSON schema

A document is given with --text, --text-file, or --source: its key in the
document store, also of a PDF, PNG or JPEG document.

The key (--id) is an idempotency key: the same one again joins the running
request or returns the earlier result.`,
		Example: `  signalbox start revision --task suggest --text-file letter.txt --wait
  signalbox start revision --task suggest --project bridge-7 --source incoming/scan.pdf --pages 2 --wait
  signalbox start revision --task rag-query --question "How deep are the piles?" --contexts passages.json --wait
  signalbox start revision --task embed --purpose query --texts "depth of the piles" --wait
  signalbox start revision --task generate --prompt "Say hello" --wait
  signalbox start revision --task suggest --text-file letter.txt --field title --field discipline --choices choices.json
  signalbox start revision --task generate --prompt-file - --schema answer.schema.json --id order-4711 --wait < prompt.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readInto("text", textFile, &in.Text); err != nil {
				return err
			}
			if err := readInto("prompt", promptFile, &in.Prompt); err != nil {
				return err
			}
			if err := readContexts(contextsFile, &in.Contexts); err != nil {
				return err
			}
			var schema string
			if err := readInto("schema", schemaFile, &schema); err != nil {
				return err
			}
			if schema != "" {
				in.Schema = json.RawMessage(schema)
				if !json.Valid(in.Schema) {
					return usage("--schema %s is no JSON", schemaFile)
				}
			}
			if err := readChoices(choicesFile, &in.Choices); err != nil {
				return err
			}
			if err := in.Validate(); err != nil {
				return contract.NewInvalidInput(err)
			}
			if key == "" {
				key = newKey("revision")
			}
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				run, err := s.StartRevision(cmd.Context(), key, in)
				if err != nil {
					return err
				}
				if !wait {
					return o.printStarted(cmd, run)
				}
				return o.printRevision(cmd, s, run.GetID())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Task, "task", "", strings.Join(contract.Tasks(), ", "))
	f.StringVar(&in.ProjectID, "project", "", "project id; --source needs it")
	f.StringVar(&in.DocumentID, "document", "", "document id")
	f.StringVar(&in.Text, "text", "", "the document's text, for suggest")
	f.StringVar(&textFile, "text-file", "", "file with the document's text; - for standard input")
	f.StringVar(&in.Source, "source", "", "the document's key in the project's part of the store")
	f.IntVar(&in.Pages, "pages", 0, "pages of a source that the vision model reads, where it has no text (default 1)")
	f.StringVar(&in.Question, "question", "", "the question, for rag-query")
	f.StringVar(&contextsFile, "contexts", "", "JSON file with the passages [{\"id\": …, \"text\": …}], for rag-query; - for standard input")
	f.StringArrayVar(&in.Texts, "texts", nil, "a text, for embed; may be repeated")
	f.StringVar(&in.Purpose, "purpose", "", "query or document, for embed (default document)")
	f.StringVar(&in.Prompt, "prompt", "", "the prompt, for generate")
	f.StringVar(&promptFile, "prompt-file", "", "file with the prompt; - for standard input")
	f.StringVar(&schemaFile, "schema", "", "file with a JSON schema for the answer, for generate")
	f.StringArrayVar(&in.Fields, "field", nil, "a field wanted, for suggest; may be repeated; all unless given")
	f.StringVar(&choicesFile, "choices", "", "JSON file {field: [choices]}, for suggest")
	f.StringVar(&in.MaxWait, "max-wait", "", "longest wait until the first model call starts (default 2m)")
	f.StringVar(&key, "id", "", "idempotency key and workflow id (default: a new one)")
	f.BoolVar(&wait, "wait", false, "wait and print the result")
	return cmd
}

// readInto reads the file of --NAME-file, or of --NAME where that is a file.
func readInto(name, path string, into *string) error {
	if path == "" {
		return nil
	}
	if *into != "" {
		return usage("--%s and --%s-file exclude each other", name, name)
	}
	var data []byte
	var err error
	if path == "-" {
		data, err = readAll(os.Stdin)
	} else {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return usage("%v", err)
	}
	*into = string(data)
	return nil
}

func readContexts(path string, into *[]contract.Context) error {
	var text string
	if err := readInto("contexts", path, &text); err != nil || text == "" {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return usage("--contexts %s: %v; it must be [{\"id\": …, \"text\": …}]", path, err)
	}
	return nil
}

func readChoices(path string, into *map[string][]string) error {
	var text string
	if err := readInto("choices", path, &text); err != nil || text == "" {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return usage("--choices %s: %v; it must be {\"field\": [\"choice\", …]}", path, err)
	}
	return nil
}

func (o *options) printStarted(cmd *cobra.Command, run *starter.Run) error {
	id := run.GetID()
	if o.json() {
		return printJSON(cmd.OutOrStdout(), map[string]any{"id": id, "runId": run.GetRunID(), "joined": run.Joined})
	}
	what := "started " + id
	if run.Joined {
		what = "joined " + id + ", which was started before"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\nlook:   signalbox status %s\nresult: signalbox result %s\n", what, id, id)
	return nil
}

// stillRunning says, to who stops waiting, that the work goes on.
func (o *options) stillRunning(cmd *cobra.Command, id string, err error) error {
	if cmd.Context().Err() == nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "no longer waiting; %s goes on: signalbox result %s\n", id, id)
	return cmd.Context().Err()
}

func (o *options) printRevision(cmd *cobra.Command, s *starter.Starter, id string) error {
	r, err := s.Revision(cmd.Context(), id)
	if err != nil {
		return o.stillRunning(cmd, id, err)
	}
	if o.json() {
		return printJSON(cmd.OutOrStdout(), r)
	}
	w := cmd.OutOrStdout()
	simulated := ""
	if r.Simulated {
		simulated = ", SIMULATED: no real model answered"
	}
	fmt.Fprintf(w, "%s\n\n%s by %s%s\nqueued %s, load %s, prompt %s, generate %s; %d tokens in, %d out\n",
		indented(r.Output), r.Task, r.Model, simulated, ms(r.Timings.QueuedMs), ms(r.Timings.LoadMs),
		ms(r.Timings.PromptMs), ms(r.Timings.GenerateMs), r.Tokens.Prompt, r.Tokens.Output)
	if r.Input.Truncated {
		fmt.Fprintf(w, "the text was too long: the first %d of %d characters were used\n", r.Input.UsedChars, r.Input.TotalChars)
	}
	return nil
}
