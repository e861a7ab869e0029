package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signalbox/internal/config"
	"signalbox/internal/store"
)

// open opens a store in a folder, as production does.
func open(t *testing.T) (*store.Store, string) {
	dir := filepath.Join(t.TempDir(), "store")
	url, err := config.StoreURL(dir)
	require.NoError(t, err)
	s, err := store.Open(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, dir
}

func TestProbe(t *testing.T) {
	s, dir := open(t)
	require.NoError(t, s.Probe(context.Background(), "ai"))
	if os.Geteuid() == 0 {
		t.Log("root may write anywhere: the read-only folder is not tried")
		return
	}
	require.NoError(t, os.Chmod(dir, 0o500))
	require.ErrorContains(t, s.Probe(context.Background(), "ai"), "write probe/ai")
}

func TestDocumentsComeBackAsTheyWere(t *testing.T) {
	s, _ := open(t)
	ctx := context.Background()
	for _, key := range []string{"a.txt", "in/a folder/เอกสาร 1.txt", "dots..txt", "UPPER.txt"} {
		require.NoError(t, s.WriteDocument(ctx, "โครงการ/7", key, []byte(key)))
	}
	for _, key := range []string{"a.txt", "in/a folder/เอกสาร 1.txt", "dots..txt", "UPPER.txt"} {
		got, err := s.ReadText(ctx, "โครงการ/7", key, 1000)
		require.NoError(t, err)
		require.Equal(t, key, got)
	}
	_, err := s.ReadText(ctx, "another", "a.txt", 1000)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestWhatIsNoText(t *testing.T) {
	s, _ := open(t)
	ctx := context.Background()
	for name, data := range map[string]string{"latin1": "caf\xe9", "binary": "a\x00b"} {
		require.NoError(t, s.WriteDocument(ctx, "p", name, []byte(data)))
		_, err := s.ReadText(ctx, "p", name, 1000)
		require.ErrorIs(t, err, store.ErrNotText, name)
		require.ErrorContains(t, err, name)
	}
	require.NoError(t, s.WriteDocument(ctx, "p", "long", []byte(strings.Repeat("x", 1001))))
	_, err := s.ReadText(ctx, "p", "long", 1000)
	require.ErrorIs(t, err, store.ErrTooLarge)
}

func TestAnOutputIsWholeOrNotThere(t *testing.T) {
	s, dir := open(t)
	ctx := context.Background()
	key := store.StageKey("p", "b", "DOC 1/2", "extract-metadata")
	var v map[string]string
	require.ErrorIs(t, s.ReadJSON(ctx, key, &v), store.ErrNotFound)

	// Writers of one key leave one of their values, never a mixture.
	long := strings.Repeat("x", 1<<20)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.WriteJSON(ctx, key, map[string]string{"v": long}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.NoError(t, s.ReadJSON(ctx, key, &v))
	require.Equal(t, long, v["v"])

	// What a crash leaves of a write is not the output.
	path := filepath.Join(dir, filepath.FromSlash(key))
	require.NoError(t, os.WriteFile(path, []byte(`{"v":`), 0o600))
	require.ErrorIs(t, s.ReadJSON(ctx, key, &v), store.ErrDamaged)
}

func TestNothingButTheObjectIsLeft(t *testing.T) {
	s, dir := open(t)
	require.NoError(t, s.Write(context.Background(), "projects/p/x.json", []byte("{}")))
	entries, err := os.ReadDir(filepath.Join(dir, "projects", "p"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary files, no attributes")
}

func TestErrorsNameTheKey(t *testing.T) {
	s, dir := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "projects"), nil, 0o600)) // a file where a folder belongs
	require.ErrorContains(t, s.Write(context.Background(), "projects/p/x.json", nil), "projects/p/x.json")
}

func TestEncodeID(t *testing.T) {
	for id, want := range map[string]string{
		"abc-1.2": "abc-1.2", "A/B": "_41_2f_42", "": "_", ".": "_2e", "..": "_2e_2e", "a.": "a_2e", "-x": "_2dx", "_": "_5f",
	} {
		require.Equal(t, want, store.EncodeID(id), id)
	}
	long := strings.Repeat("ก", 66)
	require.LessOrEqual(t, len(store.EncodeID(long)), 200)
	require.NotEqual(t, store.EncodeID(long), store.EncodeID(long+"x"))
}

func TestEncodedIDsAreSafeAndNeverMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		ea, eb := store.EncodeID(a), store.EncodeID(b)
		require.Regexp(t, `^[a-z0-9_][a-z0-9_.-]*$`, ea)
		require.NotContains(t, []string{".", ".."}, ea)
		require.LessOrEqual(t, len(ea), 200)
		require.Equal(t, a == b, strings.EqualFold(ea, eb))
	})
}
