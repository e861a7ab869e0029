// Package ollama speaks to the model server.
//
// Every call streams and uses the caller's context, so that cancelling it
// stops the GPU; an answer counts only with done: true; and every call for a
// model sends the same runner options, because any difference makes Ollama
// load the model again.
package ollama
