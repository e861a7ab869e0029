package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// The layout. Everything of a project lies under its own folder:
//
//	store-id                                                     which store this is
//	projects/{project}/{key}                                     a document, as the caller named it
//	projects/{project}/batches/{batch}/documents/{document}/
//	    {stage}.json                                             a stage's output (contract.StageOutput)
//	    {stage}.calls/{n}-{hash}.json                            a finished model call of a stage that goes on
//	    embed-document.jsonl                                     its vectors (contract.PassageVector)
//	projects/{project}/batches/{batch}/report/{from}.jsonl       a finished chunk's part of the report
//	projects/{project}/batches/{batch}/report.jsonl              the report (contract.DocumentReport)
//
//	projects/{project}/derived/{hash}/                           of a document with that content, for every job:
//	    text.txt                                                 the text layer of a PDF document
//	    pages/{n}.png                                            page images that wait for the vision model
//	    ocr/{recipe}/{n}.json                                    a page's text, by model and prompt
//	    ocr/{recipe}/{n}.partial.json                            what an aborted reading of it had come to
//
//	projects/{project}/rfa-records/{number}/{revision}/
//	    approval.json                                            an approval's final record (contract.RFAStatus)
//	    distribution.json                                        what was sent to whom (contract.DistributionReport)
//
// {project}, {batch}, {document}, {number} and {revision} are ids of any printable
// text, encoded by EncodeID. Callers may not name keys under batches/, derived/ and rfa-records/.

// DocumentKey is where a project's document lies.
func DocumentKey(project, key string) string { return projectFolder(project) + key }

// StageKey is where a stage's output for a document lies.
func StageKey(project, batch, document, stage string) string {
	return batchFolder(project, batch) + "documents/" + EncodeID(document) + "/" + stage + ".json"
}

// StageCallKey is where a finished model call of a stage that goes on lies.
// Calls count from 1.
func StageCallKey(project, batch, document, stage string, n int, inputHash string) string {
	return fmt.Sprintf("%sdocuments/%s/%s.calls/%04d-%s.json", batchFolder(project, batch), EncodeID(document), stage, n, inputHash)
}

// VectorsKey is where a document's vectors lie, relative to the project.
func VectorsKey(batch, document string) string {
	return "batches/" + EncodeID(batch) + "/documents/" + EncodeID(document) + "/embed-document.jsonl"
}

// TextLayerKey is where the text layer of a PDF document lies.
func TextLayerKey(project, contentHash string) string {
	return derivedFolder(project, contentHash) + "text.txt"
}

// PageImageKey is where the image of a page lies. Pages count from 1.
func PageImageKey(project, contentHash string, page int) string {
	return fmt.Sprintf("%spages/%04d.png", derivedFolder(project, contentHash), page)
}

// PageTextKey is where the text of a page lies that the vision model has read.
func PageTextKey(project, contentHash, recipe string, page int) string {
	return fmt.Sprintf("%socr/%s/%04d.json", derivedFolder(project, contentHash), recipe, page)
}

// PagePartialKey is where that lies which an aborted reading of a page had come to.
func PagePartialKey(project, contentHash, recipe string, page int) string {
	return fmt.Sprintf("%socr/%s/%04d.partial.json", derivedFolder(project, contentHash), recipe, page)
}

// RFAKey is where a file of one revision of an RFA lies, relative to the project.
func RFAKey(number, revision, file string) string {
	return "rfa-records/" + EncodeID(number) + "/" + EncodeID(revision) + "/" + file
}

// InProject makes a key relative to its project.
func InProject(project, key string) string { return strings.TrimPrefix(key, projectFolder(project)) }

func derivedFolder(project, contentHash string) string {
	return projectFolder(project) + "derived/" + contentHash + "/"
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
