// Package store keeps documents and results: histories carry keys and small
// summaries, the store everything else.
//
// It is a gocloud.dev/blob bucket: a folder by default. Every write is whole or
// not at all. The layout is in layout.go.
package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/memblob"  // mem://, for tests
	"gocloud.dev/gcerrors"
)

// Size limits of documents: texts of 32 MiB, images and PDF documents of 64 MiB.
const (
	MaxTextBytes = 32 << 20
	MaxFileBytes = 64 << 20
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found in the document store")
	ErrTooLarge = errors.New("too large")
	// ErrNotText: the document is not UTF-8 text.
	ErrNotText = errors.New("not UTF-8 text")
	// ErrDamaged: what is stored is not what was written.
	ErrDamaged = errors.New("damaged")
)

// Store is an open document store.
type Store struct {
	bucket *blob.Bucket
}

// Open opens the store at a blob URL such as file:///srv/store?….
func Open(ctx context.Context, url string) (*Store, error) {
	b, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open the document store %s: %w", url, err)
	}
	return &Store{bucket: b}, nil
}

// Close releases the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Probe writes, reads and removes a probe, so that a store that does not work
// is known before there is work.
func (s *Store) Probe(ctx context.Context, role string) error {
	key := "probe/" + EncodeID(role)
	if err := s.Write(ctx, key, []byte(role)); err != nil {
		return err
	}
	got, err := s.Read(ctx, key)
	if err != nil {
		return err
	}
	if string(got) != role {
		return fmt.Errorf("%s: %w: it was written differently", key, ErrDamaged)
	}
	return s.Remove(ctx, key)
}

// Read reads a whole object.
func (s *Store) Read(ctx context.Context, key string) ([]byte, error) {
	data, err := s.bucket.ReadAll(ctx, key)
	if err != nil {
		return nil, problem("read", key, err)
	}
	return data, nil
}

// Write writes a whole object, or nothing.
func (s *Store) Write(ctx context.Context, key string, data []byte) error {
	if err := s.bucket.WriteAll(ctx, key, data, nil); err != nil {
		return problem("write", key, err)
	}
	return nil
}

// Exists reports whether there is an object.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	ok, err := s.bucket.Exists(ctx, key)
	if err != nil {
		return false, problem("look for", key, err)
	}
	return ok, nil
}

// Remove removes objects; those that are not there are no error.
func (s *Store) Remove(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return problem("remove", key, err)
		}
	}
	return nil
}

// ReadJSON reads an object into v. An object that is no such JSON is ErrDamaged.
func (s *Store) ReadJSON(ctx context.Context, key string, v any) error {
	data, err := s.Read(ctx, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w: %w", key, ErrDamaged, err)
	}
	return nil
}

// FindJSON reads an object into v, if there is one that can be read: of what is made
// again where it is not there, a damaged one is as good as none.
func (s *Store) FindJSON(ctx context.Context, key string, v any) (found bool, err error) {
	err = s.ReadJSON(ctx, key, v)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// WriteJSON writes v as an object.
func (s *Store) WriteJSON(ctx context.Context, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return s.Write(ctx, key, append(data, '\n'))
}

// ReadDocument reads a project's document of at most limit bytes.
func (s *Store) ReadDocument(ctx context.Context, project, key string, limit int64) ([]byte, error) {
	path := DocumentKey(project, key)
	r, err := s.bucket.NewReader(ctx, path, nil)
	if err != nil {
		return nil, problem("read", path, err)
	}
	defer func() { _ = r.Close() }()
	if r.Size() > limit {
		return nil, fmt.Errorf("document %q has %d bytes; %d are allowed: %w", key, r.Size(), limit, ErrTooLarge)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		return nil, problem("read", path, err)
	}
	return b.Bytes(), nil
}

// WriteDocument writes a project's document.
func (s *Store) WriteDocument(ctx context.Context, project, key string, data []byte) error {
	return s.Write(ctx, DocumentKey(project, key), data)
}

// ReadText reads a project's text document of at most limit bytes.
func (s *Store) ReadText(ctx context.Context, project, key string, limit int64) (string, error) {
	data, err := s.ReadDocument(ctx, project, key, limit)
	if err != nil {
		return "", err
	}
	return AsText(key, data)
}

// AsText reads UTF-8 text; a byte order mark is dropped.
func AsText(key string, data []byte) (string, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return "", fmt.Errorf("document %q: %w", key, ErrNotText)
	}
	return string(data), nil
}

// HashText identifies a sequence of texts.
func HashText(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// problem says what failed where, and keeps "not found" recognisable.
func problem(what, key string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", what, key, err)
}
