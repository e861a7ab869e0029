package simgpu

import (
	"regexp"
	"strings"
)

var (
	passageTag   = regexp.MustCompile(`(?s)<passage id="([^"]*)"[^>]*>\n(.*?)\n</passage>`)
	questionLine = regexp.MustCompile(`(?m)^Question: (.+)$`)
	word         = regexp.MustCompile(`\pL{4,}`)
)

// cited answers a question about passages with the line that shares the most
// words with it, and cites that; ok is false where the prompt asks none.
func cited(prompt string) (answer map[string]any, ok bool) {
	question := questionLine.FindStringSubmatch(prompt)
	passages := passageTag.FindAllStringSubmatch(prompt, -1)
	if question == nil || len(passages) == 0 {
		return nil, false
	}
	asked := map[string]bool{}
	for _, w := range word.FindAllString(strings.ToLower(question[1]), -1) {
		asked[w] = true
	}
	best, id, quote := 0, "", ""
	for _, p := range passages {
		for line := range strings.Lines(p[2]) {
			n := 0
			for _, w := range word.FindAllString(strings.ToLower(line), -1) {
				if asked[w] {
					n++
				}
			}
			if n > best {
				best, id, quote = n, p[1], strings.TrimSpace(line)
			}
		}
	}
	if best == 0 {
		return map[string]any{"found": false, "answer": "", "citations": []any{}}, true
	}
	return map[string]any{
		"found": true, "answer": "Simulated answer from " + id + ": " + quote,
		"citations": []any{map[string]any{"context": id, "quote": quote}},
	}, true
}
