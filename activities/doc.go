// Package activities holds everything that workflows have done for them:
// methods on structs that hold their dependencies. They are thin: what may run
// on the GPU is decided in internal/device, what is asked of the model in
// internal/tasks.
package activities
