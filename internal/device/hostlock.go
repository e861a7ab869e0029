package device

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// HostLock keeps a second GPU worker for the same model server off this host.
type HostLock struct {
	file *flock.Flock
	// Name identifies the lock across restarts: host and model server.
	Name string
}

// LockHost takes the host's lock for the model server at address. When another
// process has it, the error says which.
func LockHost(dir, host, address string) (*HostLock, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	sum := sha256.Sum256([]byte(address))
	path := filepath.Join(dir, "signalbox-gpu-"+hex.EncodeToString(sum[:6])+".lock")
	l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR))
	ok, err := l.TryLock()
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("lock %s: it belongs to another user, who has run a GPU worker for %s here; run as that user, or remove the file if no such worker runs", path, address)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		holder, readErr := os.ReadFile(path)
		if readErr != nil || len(holder) == 0 {
			holder = []byte("another process")
		}
		return nil, fmt.Errorf("a GPU worker for %s runs on this host already (%s, lock %s); one GPU has one worker",
			address, strings.TrimSpace(string(holder)), path)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "pid %d", os.Getpid()), 0o600); err != nil {
		_ = l.Unlock()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &HostLock{file: l, Name: host + " " + address}, nil
}

// Unlock gives the lock back.
func (l *HostLock) Unlock() error { return l.file.Unlock() }
