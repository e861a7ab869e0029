package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// The layout. Everything of a project lies under its own folder:
//
//	projects/{project}/{key}                                     a document, as the caller named it
//	projects/{project}/batches/{batch}/{document}/{stage}.json   a stage's output (contract.StageOutput)
//	projects/{project}/batches/{batch}/report/{from}.jsonl       a finished chunk's part of the report
//	projects/{project}/batches/{batch}/report.jsonl              the report (contract.DocumentReport)
//
// {project}, {batch} and {document} are ids of any printable text, encoded by
// EncodeID. Callers may not name keys under batches/.

// DocumentKey is where a project's document lies.
func DocumentKey(project, key string) string { return projectFolder(project) + key }

// StageKey is where a stage's output for a document lies.
func StageKey(project, batch, document, stage string) string {
	return batchFolder(project, batch) + "documents/" + EncodeID(document) + "/" + stage + ".json"
}

// ReportPartKey is where the report lines of the chunk that begins with
// document from lie.
func ReportPartKey(project, batch string, from int) string {
	return fmt.Sprintf("%sreport/%06d.jsonl", batchFolder(project, batch), from)
}

// ReportPath is where a job's report lies.
func ReportPath(project, batch string) string { return projectFolder(project) + ReportKey(batch) }

// ReportKey is the same relative to the project, as results name it.
func ReportKey(batch string) string { return "batches/" + EncodeID(batch) + "/report.jsonl" }

func projectFolder(project string) string { return "projects/" + EncodeID(project) + "/" }

func batchFolder(project, batch string) string {
	return projectFolder(project) + "batches/" + EncodeID(batch) + "/"
}

// longestElement leaves room for the suffixes that a path element gets, within
// the 255 bytes of common file systems.
const longestElement = 160

// EncodeID makes one path element of an id: lower-case letters, digits, dashes
// and dots inside stay, every other byte becomes _ and two hexadecimal digits,
// so that different ids never meet, on file systems that ignore case either.
// An id that gets too long keeps its beginning and ends with its hash.
func EncodeID(id string) string {
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-' && i > 0, c == '.' && i > 0 && i < len(id)-1:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	if b.Len() <= longestElement {
		return b.String()
	}
	sum := sha256.Sum256([]byte(id))
	// Two underscores end no ordinary encoding.
	return b.String()[:longestElement-36] + "__" + hex.EncodeToString(sum[:16])
}
