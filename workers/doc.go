// Package workers has one constructor for each task queue, so that tests run
// what production runs, and the roles that a process takes on.
package workers
