package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// IdentityKey is where a store says which one it is.
const IdentityKey = "store-id"

// ID identifies the store, so that roles that do not share one are found out.
// The first that asks names it.
func (s *Store) ID(ctx context.Context) (string, error) {
	id, err := s.Read(ctx, IdentityKey)
	if !errors.Is(err, ErrNotFound) {
		return strings.TrimSpace(string(id)), err
	}
	err = s.bucket.WriteAll(ctx, IdentityKey, []byte(uuid.NewString()[:8]+"\n"), &blob.WriterOptions{IfNotExist: true})
	if err != nil && gcerrors.Code(err) != gcerrors.FailedPrecondition {
		return "", fmt.Errorf("name the document store: %w", err)
	}
	if id, err = s.Read(ctx, IdentityKey); err != nil {
		return "", err
	}
	return strings.TrimSpace(string(id)), nil
}
