package tasks

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed prompts/*.md
var builtin embed.FS

// Prompts are the texts that the tasks send. An operator replaces any of them
// with a file of the same name in a folder.
type Prompts struct {
	texts     map[string]string
	templates map[string]*template.Template
}

// PromptFiles lists the file names that may be replaced.
func PromptFiles() []string {
	return []string{
		"generate.system.md", "ocr.system.md", "ocr.prompt.md", "rag-query.system.md", "rag-query.prompt.md",
		"suggest.system.md", "suggest.prompt.md",
	}
}

// LoadPrompts reads the built-in prompts and those that dir replaces; an empty
// dir replaces none. A file that is no prompt of ours, or no template, is an
// error.
func LoadPrompts(dir string) (*Prompts, error) {
	p := &Prompts{texts: map[string]string{}, templates: map[string]*template.Template{}}
	for _, name := range PromptFiles() {
		text, err := builtin.ReadFile("prompts/" + name)
		if err != nil {
			return nil, err
		}
		if dir != "" {
			own, err := os.ReadFile(filepath.Join(dir, name))
			switch {
			case err == nil:
				text = own
			case !errors.Is(err, fs.ErrNotExist):
				return nil, fmt.Errorf("prompts.dir: %w", err)
			}
		}
		if err := p.add(name, string(text)); err != nil {
			return nil, err
		}
	}
	if dir == "" {
		return p, nil
	}
	return p, p.checkFolder(dir)
}

func (p *Prompts) add(name, text string) error {
	p.texts[name] = strings.TrimSpace(text)
	if !strings.HasSuffix(name, ".prompt.md") {
		return nil
	}
	t, err := template.New(name).Funcs(template.FuncMap{"join": strings.Join}).
		Option("missingkey=error").Parse(p.texts[name])
	if err != nil {
		return fmt.Errorf("prompts.dir: %w", err)
	}
	p.templates[name] = t
	return nil
}

// checkFolder refuses a misspelt file name, which would silently replace nothing.
func (p *Prompts) checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("prompts.dir: %w", err)
	}
	for _, e := range entries {
		if _, known := p.texts[e.Name()]; !known && strings.HasSuffix(e.Name(), ".md") {
			return fmt.Errorf("prompts.dir: %s is no prompt; the names are %s",
				filepath.Join(dir, e.Name()), strings.Join(PromptFiles(), ", "))
		}
	}
	return nil
}

func (p *Prompts) text(name string) string { return p.texts[name] }

func (p *Prompts) render(name string, data any) (string, error) {
	var b bytes.Buffer
	if err := p.templates[name].Execute(&b, data); err != nil {
		return "", fmt.Errorf("prompt %s: %w", name, err)
	}
	return b.String(), nil
}
