// Package realollama runs a real Ollama server for tests, with models of its
// own making: a few megabytes that answer known words, so that tests need no
// download and no GPU. Nothing in production imports it.
//
// The models stand under the names of the specification, gemma4:e4b and
// nomic-embed-text. They obey schemas and give vectors; they cannot see.
package realollama
