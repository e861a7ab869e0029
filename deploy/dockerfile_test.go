package deploy_test

import (
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
)

// instructions are the Dockerfile's, comments left out and lines joined.
func instructions(t *testing.T) []string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, "Dockerfile"), "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// instruction is the last one of its name: that of the final stage.
func instruction(t *testing.T, name string) string {
	t.Helper()
	for _, line := range slices.Backward(instructions(t)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return rest
		}
	}
	require.Fail(t, "no "+name)
	return ""
}

func group(t *testing.T, pattern, text string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotNil(t, m, "%s not in %s", pattern, text)
	return m[1]
}

func TestImageIsBuiltWithTheModulesGo(t *testing.T) {
	text := strings.Join(instructions(t), "\n")
	require.Equal(t, group(t, `(?m)^go (\S+)$`, read(t, "go.mod")), group(t, `FROM golang:(\S+)-bookworm AS build`, text))
	require.Equal(t, "debian:bookworm-slim", instruction(t, "FROM"), "the C library of the build")
	require.Contains(t, text, "CGO_ENABLED=1 go build -trimpath ")
	require.Contains(t, text, " ./cmd/signalbox\n")
	require.Equal(t, `["signalbox"]`, instruction(t, "ENTRYPOINT"))
}

func TestImageHasWhatItNeeds(t *testing.T) {
	text := strings.Join(instructions(t), "\n")
	packages := strings.Fields(group(t, `apt-get install --yes --no-install-recommends ([a-z0-9 -]+) &&`, text))
	require.Subset(t, packages, []string{"poppler-utils", "ca-certificates"})

	uid := group(t, `useradd --uid (\d+) `, text)
	require.Equal(t, uid+":"+uid, instruction(t, "USER"))
	require.NotEqual(t, "0", uid)
	require.Contains(t, read(t, ".env.example"), "user id "+uid)
	folders := strings.Fields(group(t, `install --directory --owner=signalbox --group=signalbox ([^&\n]+)`, text))
	c := config.Default()
	require.ElementsMatch(t, []string{c.Store.URL, c.State.Dir}, folders)
}

func TestImageCopiesWhatIsThere(t *testing.T) {
	built := group(t, `go build .* -o (\S+)`, strings.Join(instructions(t), "\n"))
	for _, line := range instructions(t) {
		args, ok := strings.CutPrefix(line, "COPY ")
		if !ok {
			continue
		}
		fields := strings.Fields(args)
		if fields[0] == "--from=build" {
			require.Equal(t, []string{built, "/usr/local/bin/signalbox"}, fields[1:])
			continue
		}
		for _, source := range fields[:len(fields)-1] {
			_, err := os.Stat(path.Join(root, source))
			require.NoError(t, err)
		}
	}
}

func TestBuildContext(t *testing.T) {
	var ignored []string
	for line := range strings.Lines(read(t, ".dockerignore")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			require.NotRegexp(t, `[/!]|\*\*`, line, "this test reads names of the root alone")
			ignored = append(ignored, line)
		}
	}
	require.Subset(t, ignored, []string{".env", ".env.*", ".git"}, "secrets stay out")

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		`{{if and .Module .Module.Main}}{{$p := .}}{{range .GoFiles}}{{$p.ImportPath}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$p.ImportPath}}/{{.}}
{{end}}{{end}}`, "./cmd/signalbox")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	needed := append(strings.Fields(string(out)), "signalbox/go.mod", "signalbox/go.sum")
	require.Contains(t, needed, "signalbox/internal/tasks/prompts/suggest.system.md")
	for _, file := range needed {
		first := strings.Split(file, "/")[1]
		for _, pattern := range ignored {
			hit, err := path.Match(pattern, first)
			require.NoError(t, err)
			require.False(t, hit, "the build needs %s, .dockerignore has %s", file, pattern)
		}
	}
}
