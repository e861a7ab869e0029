// Command skips reads `go test -json` and prints what a person wants to see of
// it: what failed, with its output, what was skipped, and how many passed. It
// fails when a test was skipped that is not on the list of allowed skips.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	allowed := flag.String("allowed", "", "file with the names of the tests that may skip")
	flag.Parse()
	names, err := readAllowed(*allowed)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !summarise(os.Stdin, os.Stdout, names) {
		os.Exit(1)
	}
}

func readAllowed(path string) (map[string]bool, error) {
	names := map[string]bool{}
	if path == "" {
		return names, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, "#")
		if name = strings.TrimSpace(name); name != "" {
			names[name] = true
		}
	}
	return names, nil
}

// summarise reports whether everything passed and only allowed tests skipped.
func summarise(in io.Reader, out io.Writer, allowed map[string]bool) bool {
	output := map[string][]string{}
	var failed, skipped, notAllowed []string
	passed := 0
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text()) // a build error, as the compiler wrote it
			continue
		}
		name := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			output[name] = append(output[name], e.Output)
			if e.Action == "build-output" || (e.Test == "" && strings.Contains(e.Output, "panic")) {
				fmt.Fprint(out, e.Output)
			}
		case "fail":
			failed = append(failed, name)
		case "pass":
			if e.Test != "" {
				passed++
				fmt.Fprintf(out, "ok   %s (%.1fs)\n", name, e.Elapsed)
			}
			delete(output, name)
		case "skip":
			if e.Test == "" {
				continue
			}
			skipped = append(skipped, name)
			fmt.Fprintf(out, "SKIP %s\n%s", name, strings.Join(output[name], ""))
			if !allowed[e.Test] {
				notAllowed = append(notAllowed, name)
			}
		}
	}
	sort.Strings(failed)
	for _, name := range failed {
		fmt.Fprintf(out, "FAIL %s\n%s", name, strings.Join(output[name], ""))
	}
	for _, name := range notAllowed {
		fmt.Fprintf(out, "FAIL %s was skipped and is not on the list of allowed skips\n", name)
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", passed, len(failed)+len(notAllowed), len(skipped))
	return len(failed) == 0 && len(notAllowed) == 0
}
