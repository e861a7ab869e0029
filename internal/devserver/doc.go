// Package devserver runs a whole Temporal server in this process: frontend,
// history, matching and worker services on one SQLite file, and the Temporal
// Web UI in front of them. It is what signalbox-dev, the end-to-end tests and
// the benchmark run on; nothing else may import it, because it brings the whole
// server into the binary.
//
// It listens on loopback unless told otherwise, asks nobody for newer versions,
// sends no telemetry, and knows no users: whoever reaches its ports is trusted
// fully. (The server honours the standard OTEL_* environment variables: traces
// are exported when the environment of the process asks for it.)
//
// Everything that it knows lies in one folder, its state folder:
//
//	lock         held while a server runs on the folder; names its process
//	VERSION      which server version and database schema wrote the folder
//	temporal.db  the SQLite database (with -wal and -shm beside it while it runs)
//
// A state folder survives kill -9 of its process, and a stopped one may be
// moved or copied.
package devserver
