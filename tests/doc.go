// Package tests holds the end-to-end tests: a real Temporal server, the workers
// of production, real HTTP. Where a model server is simulated, the test's name
// or its output says so.
package tests
