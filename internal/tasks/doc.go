// Package tasks knows what each AI task asks the model and how its answer is
// checked. It makes model calls and reads answers; it does not make the calls.
package tasks
