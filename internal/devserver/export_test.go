package devserver

import (
	"log/slog"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
)

// DatabaseConfigOf is how s opens its database: the same address, and so the
// very connection that the server uses.
func DatabaseConfigOf(s *Server) *config.SQL { return s.database }

// WriteStamp stamps a folder as another version of this program would have.
func WriteStamp(dir, server, schema string, complete bool) error {
	our := ourStamp(complete)
	if schema != "" {
		our.Schema = schema
	}
	our.Server = server
	return our.write(dir)
}

// Fatal runs f with the server's logger in a goroutine, as a server that is
// starting does, and returns what the trap has caught once that has ended.
func Fatal(o Options, f func(log.Logger)) error {
	trap := &fatalTrap{}
	logger := newServerLogger(o, new(slog.LevelVar), trap)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(logger)
	}()
	<-done
	return trap.failure()
}
