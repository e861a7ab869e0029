// Package notices puts notices into words: a subject, a text and HTML, out of
// templates that an operator may replace.
package notices

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"signalbox/workflows/contract"
)

//go:embed templates
var builtin embed.FS

// Files of a language beside one for each kind of notice.
const (
	layoutFile  = "layout.html"
	reviewsFile = "reviews.txt"
)

// Languages lists the languages that there are templates for.
func Languages() []string { return []string{"en", "th"} }

// Files lists the file names that may be replaced, in a folder for each language.
func Files() []string {
	list := []string{layoutFile, reviewsFile}
	for _, kind := range contract.NoticeKinds() {
		list = append(list, string(kind)+".txt")
	}
	return list
}

// Options say which templates and which link.
type Options struct {
	// Language is one of Languages.
	Language string
	// Dir has folders en and th whose files replace the built-in ones; empty for none.
	Dir string
	// Link is the address of an RFA's page, in which {projectId}, {number} and
	// {revision} stand for the RFA's; empty for none.
	Link string
}

// Words is a notice in words.
type Words struct{ Subject, Text, HTML string }

// Writer puts notices into words.
type Writer struct {
	o      Options
	texts  map[string]*template.Template
	layout *htmltemplate.Template
}

// New reads the templates. A file that is none of ours, or no template, is an error.
func New(o Options) (*Writer, error) {
	if !slices.Contains(Languages(), o.Language) {
		return nil, fmt.Errorf("language %q; allowed are %s", o.Language, strings.Join(Languages(), ", "))
	}
	own, err := replaced(o)
	if err != nil {
		return nil, err
	}
	if err := checkLink(o.Link); err != nil {
		return nil, err
	}
	w := &Writer{o: o, texts: map[string]*template.Template{}}
	for _, name := range Files() {
		data, ok := own[name]
		if !ok {
			if data, err = builtIn(o.Language, name); err != nil {
				return nil, err
			}
		}
		if name == layoutFile {
			w.layout, err = htmltemplate.New(name).Funcs(w.functions()).Option("missingkey=error").Parse(string(data))
		} else {
			w.texts[name], err = template.New(name).Funcs(w.functions()).Option("missingkey=error").Parse(string(data))
		}
		if err != nil {
			return nil, fmt.Errorf("template: %w", err)
		}
	}
	return w, w.try()
}

// functions are what templates may call.
func (w *Writer) functions() map[string]any {
	return map[string]any{
		"join":    func(list []string) string { return strings.Join(list, ", ") },
		"rfa":     describe,
		"open":    func() string { return map[string]string{"en": "Open it", "th": "เปิดดู"}[w.o.Language] },
		"meaning": func(code string) string { return meaning(w.o.Language, code) },
	}
}

// describe is an RFA with its revision, title and project.
func describe(n contract.Notice) string {
	text := n.RFA.Number + " rev. " + n.RFA.Revision
	if n.RFA.Title != "" {
		text += " (" + n.RFA.Title + ")"
	}
	return text + ", " + n.RFA.ProjectID
}

// thai says what the response codes mean.
var thai = map[string]string{
	"1A": "อนุมัติ", "1B": "อนุมัติโดยมีข้อคิดเห็น", "1C": "อนุมัติ กระทบสัญญาหรือต้องมีคำสั่งเปลี่ยนแปลง",
	"1D": "อนุมัติเป็นทางเลือก", "1E": "อนุมัติเฉพาะการออกแบบ", "1F": "อนุมัติเพื่ออ้างอิง",
	"1G": "อนุมัติโดยมีเงื่อนไข ESG", "2": "อนุมัติตามที่แก้ไข", "3": "ไม่อนุมัติ", "4": "ไม่เกี่ยวข้อง",
}

func meaning(language, code string) string {
	if language == "th" && thai[code] != "" {
		return thai[code]
	}
	return contract.CodeMeaning(code)
}

// replaced are the files that an operator has put in place of built-in ones, by name.
func replaced(o Options) (map[string][]byte, error) {
	own := map[string][]byte{}
	if o.Dir == "" {
		return own, nil
	}
	if _, err := os.Stat(o.Dir); err != nil {
		return nil, err
	}
	dir := filepath.Join(o.Dir, o.Language)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !slices.Contains(Files(), e.Name()) { // it would silently replace nothing
			return nil, fmt.Errorf("%s is no template; the names are %s", path, strings.Join(Files(), ", "))
		}
		if own[e.Name()], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return own, nil
}

// builtIn is a file of a language, or the one of all languages.
func builtIn(language, name string) ([]byte, error) {
	if name == layoutFile || name == reviewsFile {
		return builtin.ReadFile("templates/" + name)
	}
	return builtin.ReadFile("templates/" + language + "/" + name)
}

// try writes each notice once: a template with a mistake is found at the start.
func (w *Writer) try() error {
	for _, kind := range contract.NoticeKinds() {
		if _, err := w.Write(contract.Notice{Kind: kind, Level: contract.LevelReviewer, Reviews: []contract.ReviewLine{{}}}); err != nil {
			return err
		}
	}
	return nil
}

// Write puts a notice into words. What people have written is escaped in the HTML.
func (w *Writer) Write(n contract.Notice) (Words, error) {
	var out Words
	t, ok := w.texts[string(n.Kind)+".txt"]
	if !ok {
		return out, fmt.Errorf("there is no template for %q", n.Kind)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, n); err != nil {
		return out, fmt.Errorf("template: %w", err)
	}
	head, body, ok := strings.Cut(b.String(), "\n\n")
	subject, isSubject := strings.CutPrefix(head, "Subject: ")
	if !ok || !isSubject || strings.Contains(subject, "\n") {
		return out, fmt.Errorf("template %s.txt: it has to begin with a line \"Subject: …\" and an empty one", n.Kind)
	}
	out.Subject, body = subject, strings.TrimSpace(body)
	link := w.link(n.RFA)
	b.Reset()
	err := w.layout.Execute(&b, map[string]any{
		"Language": w.o.Language, "Subject": subject, "Paragraphs": paragraphs(body), "Reviews": n.Reviews, "Link": link,
	})
	if err != nil {
		return out, fmt.Errorf("template: %w", err)
	}
	out.HTML = b.String()
	b.Reset()
	if err := w.texts[reviewsFile].Execute(&b, n); err != nil {
		return out, fmt.Errorf("template: %w", err)
	}
	out.Text = strings.Join(slices.DeleteFunc([]string{body, strings.TrimSpace(b.String()), link}, func(s string) bool { return s == "" }), "\n\n") + "\n"
	return out, nil
}

// paragraphs are a text's lines, by paragraph.
func paragraphs(text string) (list [][]string) {
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, strings.Split(p, "\n"))
		}
	}
	return list
}

// checkLink refuses places in a link that nothing is put into.
func checkLink(link string) error {
	rest := strings.NewReplacer("{projectId}", "", "{number}", "", "{revision}", "").Replace(link)
	if strings.ContainsAny(rest, "{}") {
		return fmt.Errorf("link %q: {projectId}, {number} and {revision} alone are filled in", link)
	}
	return nil
}

func (w *Writer) link(r contract.RFARef) string {
	return strings.NewReplacer(
		"{projectId}", url.PathEscape(r.ProjectID), "{number}", url.PathEscape(r.Number), "{revision}", url.PathEscape(r.Revision),
	).Replace(w.o.Link)
}
