package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func startRevisionCommand(o *options) *cobra.Command {
	var in contract.RevisionInput
	var key, textFile, schemaFile, choicesFile string
	var wait bool
	cmd := &cobra.Command{
		Use:   "revision",
		Short: "Start a realtime request (AIRevision)",
		Long: `Start a realtime request: batch makes way for it at once.

Tasks:
  suggest    propose a document's fields (title, document type, discipline, …),
             each with confidence, band (high, review, low) and a quote
  generate   answer a prompt, as free text or by a JSON schema

The key (--id) is an idempotency key: the same one again joins the running
request or returns the earlier result.`,
		Example: `  signalbox start revision --task suggest --text-file examples/documents/letter.txt --wait
  signalbox start revision --task generate --prompt "Say hello" --wait
  signalbox start revision --task suggest --text-file letter.txt --field title --field discipline --choices choices.json
  signalbox start revision --task generate --prompt-file - --schema answer.schema.json --id order-4711 --wait < prompt.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readInto(textFile, &in.Text); err != nil {
				return err
			}
			if promptFile, _ := cmd.Flags().GetString("prompt-file"); promptFile != "" {
				if err := readInto(promptFile, &in.Prompt); err != nil {
					return err
				}
			}
			var schema string
			if err := readInto(schemaFile, &schema); err != nil {
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
					return o.printStarted(cmd, run.GetID(), run.GetRunID())
				}
				return o.printRevision(cmd, s, run.GetID())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Task, "task", "", "suggest or generate")
	f.StringVar(&in.ProjectID, "project", "", "project id")
	f.StringVar(&in.DocumentID, "document", "", "document id")
	f.StringVar(&in.Text, "text", "", "the document's text, for suggest")
	f.StringVar(&textFile, "text-file", "", "file with the document's text; - for standard input")
	f.StringVar(&in.Prompt, "prompt", "", "the prompt, for generate")
	f.String("prompt-file", "", "file with the prompt; - for standard input")
	f.StringVar(&schemaFile, "schema", "", "file with a JSON schema for the answer, for generate")
	f.StringArrayVar(&in.Fields, "field", nil, "a field wanted, for suggest; may be repeated; all unless given")
	f.StringVar(&choicesFile, "choices", "", "JSON file {field: [choices]}, for suggest")
	f.StringVar(&in.MaxWait, "max-wait", "", "longest wait until the first model call starts (default 2m)")
	f.StringVar(&key, "id", "", "idempotency key and workflow id (default: a new one)")
	f.BoolVar(&wait, "wait", false, "wait and print the result")
	return cmd
}

func readInto(path string, into *string) error {
	if path == "" {
		return nil
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

func readChoices(path string, into *map[string][]string) error {
	var text string
	if err := readInto(path, &text); err != nil || text == "" {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return usage("--choices %s: %v; it must be {\"field\": [\"choice\", …]}", path, err)
	}
	return nil
}

func (o *options) printStarted(cmd *cobra.Command, id, run string) error {
	if o.json() {
		return printJSON(cmd.OutOrStdout(), map[string]string{"id": id, "runId": run})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "started %s\nlook:   signalbox status %s\nresult: signalbox result %s\n", id, id, id)
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
