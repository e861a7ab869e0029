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

// HostLock keeps a second GPU worker for the same model server off this host, as far
// as the two share a folder. It remembers which claim on the GPU its holder has made
// last, so that the next one can tell a dead worker's claim from that of a worker that
// lives: neither hosts' names nor folders' are unique (containers, services with a /tmp
// of their own).
type HostLock struct {
	file *flock.Flock
	// claims is the file with the last claim; made are those of this process and of
	// the one before it.
	claims string
	made   map[string]bool
}

// LockHost takes the host's lock for the model server at address. When another
// process has it, the error says which.
func LockHost(dir, address string) (*HostLock, error) {
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
	lock := &HostLock{file: l, claims: path + ".claim", made: map[string]bool{}}
	// Without the file, or one of another user, a claim that was left ends by its
	// heartbeat's timeout.
	if last, err := os.ReadFile(lock.claims); err == nil {
		lock.made[string(last)] = true
	}
	return lock, nil
}

// Claiming remembers a claim that this process is about to make: the answer may be lost.
func (l *HostLock) Claiming(instance string) { l.made[instance] = true }

// Claimed records the claim that this process has made, for the one after it.
func (l *HostLock) Claimed(instance string) error {
	l.Claiming(instance)
	if err := os.WriteFile(l.claims, []byte(instance), 0o600); err != nil {
		return fmt.Errorf("record the claim: %w", err)
	}
	return nil
}

// Made reports whether a claim was made by this process or by the one that had the
// lock before it, which is dead.
func (l *HostLock) Made(instance string) bool { return instance != "" && l.made[instance] }

// Unlock gives the lock back.
func (l *HostLock) Unlock() error { return l.file.Unlock() }
