package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"signalbox/internal/config"
	"signalbox/internal/store"
	"signalbox/starter"
	"signalbox/workflows/contract"
)

// upload copies the documents of a folder into the store and lists them in
// the input, or in a manifest where they are many.
func (o *options) upload(cmd *cobra.Command, s *starter.Starter, in *contract.BatchInput, key, from string, files []string, url string) error {
	ctx := cmd.Context()
	if in.ProjectID == "" {
		return usage("--project is missing")
	}
	if url == "" {
		st, err := s.Status(ctx, contract.DefaultGPU)
		if err != nil {
			return fmt.Errorf("the scheduler does not say which document store it uses (%w); name it with --store", err)
		}
		url = st.Config.StoreURL
	}
	docs, err := workersStore(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = docs.Close() }()
	check := *in // everything but the documents: nothing is copied for a start that is refused
	check.Manifest, check.Documents = "check", nil
	if err := check.Validate(); err != nil {
		return contract.NewInvalidInput(err)
	}
	folder := "uploads/" + store.EncodeID(key)
	// What a job was started with stays as it is under that job.
	if _, err := s.State(ctx, key); err == nil {
		if err := sameFiles(ctx, docs, in.ProjectID, key, from, folder, files); err != nil {
			return err
		}
	}
	var list []contract.Document
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return err
		}
		d := contract.Document{ID: file, Key: folder + "/" + filepath.ToSlash(file)}
		if err := d.Validate(file); err != nil {
			return contract.NewInvalidInput(err)
		}
		if err := docs.WriteDocument(ctx, in.ProjectID, d.Key, data); err != nil {
			return err
		}
		list = append(list, d)
	}
	if len(list) <= contract.MaxInlineDocuments {
		in.Documents = list
		return nil
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, d := range list {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	in.Manifest = folder + "/manifest.jsonl"
	return docs.WriteDocument(ctx, in.ProjectID, in.Manifest, lines.Bytes())
}

// sameFiles refuses to copy files over other ones that a job was started with.
func sameFiles(ctx context.Context, docs *store.Store, project, key, from, folder string, files []string) error {
	for _, file := range files {
		now, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return err
		}
		then, err := docs.ReadDocument(ctx, project, folder+"/"+filepath.ToSlash(file), int64(len(now)))
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) || err == nil && !bytes.Equal(then, now) {
			return usage("%s was started before, with another %s; nothing was copied. Use another --id", key, file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// workersStore opens the document store of the workers. A folder that none of
// them has seen is another one, which happens to have the same name here.
func workersStore(ctx context.Context, place string) (*store.Store, error) {
	url, err := config.StoreURL(place)
	if err != nil {
		return nil, usage("--store: %v", err)
	}
	if folder := config.StorePlace(url); folder != url {
		if _, err := os.Stat(filepath.Join(folder, store.IdentityKey)); err != nil {
			return nil, usage("%s is not the workers' document store, as seen from here (it has no %s); "+
				"run this where that store is, or name it with --store", folder, store.IdentityKey)
		}
	}
	return store.Open(ctx, url)
}

const knownExtensions = ".txt, .md, .pdf, .png, .jpg"

// documentFiles lists the documents under a folder, by their path in it, and
// counts the files that are none.
func documentFiles(from string) (files []string, skipped int, err error) {
	if from == "" {
		return nil, 0, nil
	}
	if info, err := os.Stat(from); err != nil || !info.IsDir() {
		return nil, 0, usage("--from %s is no folder", from)
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		if filepath.Ext(path) == "" || contract.ContentTypeOf(path) == "" {
			skipped++
			return nil
		}
		rel, err := filepath.Rel(from, path)
		files = append(files, rel)
		return err
	})
	if err != nil {
		return nil, 0, usage("--from: %v", err)
	}
	if len(files) == 0 {
		return nil, 0, usage("--from: %s has no documents (%s)", from, knownExtensions)
	}
	sort.Strings(files)
	return files, skipped, nil
}
