package realollama

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ollama/ollama/api"
)

// Names of the two models.
const (
	Text  = "gemma4:e4b"
	Embed = "nomic-embed-text"
)

// EnvBinary names the environment variable with the path of an ollama program.
const EnvBinary = "SIGNALBOX_TEST_OLLAMA"

// ErrNone is that there is no ollama program to run.
var ErrNone = errors.New("no ollama in " + EnvBinary + " or on the PATH; `make tools` installs one")

// Find returns the path of an ollama program: the one in SIGNALBOX_TEST_OLLAMA,
// else one on the PATH.
func Find() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %w", EnvBinary, err)
		}
		return path, nil
	}
	path, err := exec.LookPath("ollama")
	if err != nil {
		return "", ErrNone
	}
	return path, nil
}

// Server is a running Ollama.
type Server struct {
	// URL such as http://127.0.0.1:12345.
	URL string
	cmd *exec.Cmd
	log *lockedBuffer
	out chan struct{}
}

// startLimit bounds the start; a server answers within a tenth of a second.
const startLimit = 30 * time.Second

// Start starts an Ollama in a temporary folder with both models. The test is
// skipped, loudly, where there is no program to start.
func Start(t *testing.T) *Server {
	t.Helper()
	path, err := Find()
	if errors.Is(err, ErrNone) {
		t.Skip("SKIPPED, NOT TESTED ON A REAL OLLAMA: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the end of Ollama's log:\n%s", s.log.tail())
		}
	})
	return s
}

func start(ctx context.Context, path, dir string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, log: &lockedBuffer{}, out: make(chan struct{})}
	s.cmd = exec.Command(path, "serve")
	s.cmd.Env = append(os.Environ(), "HOME="+filepath.Join(dir, "home"), "OLLAMA_HOST="+address,
		"OLLAMA_MODELS="+filepath.Join(dir, "models"), "OLLAMA_NO_CLOUD=1", "OLLAMA_NUM_PARALLEL=1",
		"OLLAMA_MAX_LOADED_MODELS=1", "OLLAMA_KEEP_ALIVE=5m", "CUDA_VISIBLE_DEVICES=-1")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	// A group of its own: its runners are its children and go with it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.out)
	}()
	if err := s.ready(ctx, dir); err != nil {
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, s.log.tail())
	}
	return s, nil
}

// ready waits until the server answers, and makes its models.
func (s *Server) ready(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	base, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	client := api.NewClient(base, http.DefaultClient)
	for {
		_, err := client.Version(ctx)
		if err == nil {
			break
		}
		select {
		case <-s.out:
			return errors.New("ollama serve has ended")
		case <-ctx.Done():
			return fmt.Errorf("ollama serve does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	// One thread: on few cores more of them wait for each other.
	options := map[string]any{"num_thread": 1}
	if err := create(ctx, client, dir, textModel(Answer, false), &api.CreateRequest{Model: Text, Template: Template, Parameters: options}); err != nil {
		return err
	}
	return create(ctx, client, dir, embedModel(), &api.CreateRequest{Model: Embed, Parameters: options})
}

// AddStory adds the model Story. dir is a folder for its file.
func (s *Server) AddStory(ctx context.Context, dir string) error {
	base, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	return create(ctx, api.NewClient(base, http.DefaultClient), dir, textModel(story, true),
		&api.CreateRequest{Model: Story, Template: Template, Parameters: map[string]any{"num_thread": 1}})
}

func create(ctx context.Context, client *api.Client, dir string, g *gguf, req *api.CreateRequest) error {
	file := filepath.Join(dir, "model.gguf")
	if err := g.writeFile(file); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if err := client.CreateBlob(ctx, digest, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("upload the model %s: %w", req.Model, err)
	}
	req.Files = map[string]string{"model.gguf": digest}
	if err := client.Create(ctx, req, func(api.ProgressResponse) error { return nil }); err != nil {
		return fmt.Errorf("create the model %s: %w", req.Model, err)
	}
	return nil
}

// Stop ends the server and its runners.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.out:
	case <-time.After(startLimit):
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.out
}

// lockedBuffer keeps what a process prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.b.Bytes()
	return string(text[max(0, len(text)-4000):])
}
