// Package documents finds out where the text of a document is: in the document
// itself, in a PDF's text layer, or on page images that the vision model has to
// read. It renders pages ahead of the GPU and never uses it.
//
// What it finds is kept in the store under the document's content hash, so that
// no job ever repeats it.
package documents
