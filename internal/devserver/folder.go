package devserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/blang/semver/v4"
	"github.com/gofrs/flock"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

const (
	lockFile  = "lock"
	stampFile = "VERSION"
)

// ErrInUse is wrapped by the error of a Start whose state folder or port
// belongs to somebody else.
var ErrInUse = errors.New("in use")

// lockFolder makes the state folder where it is missing and takes its lock,
// without waiting. The caller unlocks it.
func lockFolder(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	if !got {
		return nil, fmt.Errorf("state folder %s is %w by %s; stop that server, or choose another StateDir", dir, ErrInUse, holder(path))
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write the process id into the lock: %w", err), lock.Unlock())
	}
	return lock, nil
}

// holder says in words which process holds the lock file at path.
func holder(path string) string {
	content, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(content))
	if err != nil || pid == "" {
		return "another process"
	}
	if pid == strconv.Itoa(os.Getpid()) {
		return "this process (" + pid + ")"
	}
	return "process " + pid
}

// stamp is the content of the VERSION file.
type stamp struct {
	// Server is the version of the server that wrote the folder last.
	Server string `json:"server"`
	// Schema and VisibilitySchema are the versions of the database's schemas.
	Schema           string `json:"schema"`
	VisibilitySchema string `json:"visibilitySchema"`
	// Complete is false from before the database is made until it is: what lies
	// in the folder then is the rest of a first start that was cut off.
	Complete bool `json:"complete"`
}

func ourStamp(complete bool) stamp {
	return stamp{Version(), sqliteschema.Version, sqliteschema.VisibilityVersion, complete}
}

// readStamp returns nil without an error for a folder that has none.
func readStamp(dir string) (*stamp, error) {
	path := filepath.Join(dir, stampFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state folder's version: %w", err)
	}
	var s stamp
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("%s is not a version stamp: %w", path, err)
	}
	return &s, nil
}

// write replaces the VERSION file, so that after a crash either the old or the
// new content is there.
func (s stamp) write(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the state folder's version: %w", err)
		}
	}()
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stampFile)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(bytes.TrimSpace(old), content) {
		return nil
	}
	tmp, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(content, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// syncFolder makes new names in dir survive a loss of power.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// checkReadable refuses a stamp that this build must not go on from.
func (s stamp) checkReadable(dir string) error {
	theirs, err := semver.Parse(s.Server)
	if err != nil {
		return fmt.Errorf("state folder %s is stamped with server version %q, which is not a version: %w", dir, s.Server, err)
	}
	ours := semver.MustParse(Version())
	// Patch releases share their formats, in both directions.
	theirs.Patch, ours.Patch = 0, 0
	if theirs.GT(ours) {
		return fmt.Errorf("state folder %s was written by server %s, newer than the %s of this program: "+
			"it may hold what this one cannot read; use the newer program, or another StateDir", dir, s.Server, Version())
	}
	if want := ourStamp(true); s.Complete && (s.Schema != want.Schema || s.VisibilitySchema != want.VisibilitySchema) {
		return fmt.Errorf("state folder %s was written by server %s with database schema %s/%s; this program needs %s/%s "+
			"and cannot convert it; finish the work with the program that wrote it, or choose another StateDir",
			dir, s.Server, s.Schema, s.VisibilitySchema, want.Schema, want.VisibilitySchema)
	}
	return nil
}
