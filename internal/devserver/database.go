package devserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/config"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	databaseFile = "temporal.db"
	// busyTimeout is how long a connection waits for a lock that somebody else
	// holds, such as a backup or a sqlite3 shell.
	busyTimeout = 10 * time.Second
	// connectionLifetime is after how long the server's connection is replaced.
	// The server never closes it, so this bounds how long a stopped server's
	// connection stays open in a process that goes on.
	connectionLifetime = time.Hour
)

// starts counts the servers of this process.
var starts atomic.Int64

// databaseConfig is how the server opens the database of a state folder.
// Attributes that are no URI parameters of SQLite become PRAGMA statements on
// every new connection.
func databaseConfig(dir string) *config.SQL {
	path := url.URL{Path: filepath.Join(dir, databaseFile)}
	return &config.SQL{
		PluginName: sqliteplugin.PluginName,
		// It becomes part of a URI: a folder may be called "a?b" or "100%".
		DatabaseName:    path.EscapedPath(),
		MaxConnLifetime: connectionLifetime,
		ConnectAttributes: map[string]string{
			"mode": "rw",
			// Write-ahead log: whoever reads the file meanwhile disturbs nobody.
			"journal_mode": "wal",
			// Every commit is on the disk before it is acknowledged. NORMAL is
			// faster and loses acknowledged work when the power goes.
			"synchronous":  "full",
			"busy_timeout": strconv.FormatInt(busyTimeout.Milliseconds(), 10),
		},
	}
}

// separate makes cfg's connections ones of this start alone. The SQLite plugin
// keeps a connection per address for as long as the process lives; reused by a
// later start it could point to a file that was deleted and made again. An
// unknown pragma changes the address and nothing else.
func separate(cfg *config.SQL) *config.SQL {
	cfg.ConnectAttributes["signalbox_start"] = strconv.FormatInt(starts.Add(1), 10)
	return cfg
}

// prepareDatabase brings the state folder to where the server can start on it:
// version checked, database and namespace there.
func prepareDatabase(o Options, cfg *config.SQL) error {
	dir := o.StateDir
	path := filepath.Join(dir, databaseFile)
	written, err := readStamp(dir)
	if err != nil {
		return err
	}
	_, err = os.Stat(path)
	exists := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for the database: %w", err)
	}
	if written == nil && exists {
		return fmt.Errorf("%s is there without a %s file beside it: it was not written by this program; choose another StateDir", path, stampFile)
	}
	if written != nil {
		if err := written.checkReadable(dir); err != nil {
			return err
		}
	}
	if written != nil && written.Complete {
		if !exists {
			return fmt.Errorf("%s is missing although the folder is stamped; restore it, or remove %s to begin anew", path, filepath.Join(dir, stampFile))
		}
		return errors.Join(createNamespace(cfg, o), ourStamp(true).write(dir))
	}
	if err := ourStamp(false).write(dir); err != nil {
		return err
	}
	if err := createDatabase(dir, cfg); err != nil {
		return err
	}
	return errors.Join(createNamespace(cfg, o), ourStamp(true).write(dir))
}

// createDatabase makes the database with its schema, in place of whatever a
// first start left behind that was cut off.
func createDatabase(dir string, cfg *config.SQL) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		err := os.Remove(filepath.Join(dir, databaseFile+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an unfinished database: %w", err)
		}
	}
	// SQLite takes the mode of its other files from this one. Histories hold
	// what users typed: nobody else's business, also in a folder of mode 0755.
	file, err := os.OpenFile(filepath.Join(dir, databaseFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := errors.Join(file.Close(), syncFolder(dir)); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := sqliteschema.SetupSchema(cfg); err != nil {
		return fmt.Errorf("set up the database's schema: %w", err)
	}
	return nil
}

// createNamespace makes the namespace unless it is there. It is done in the
// database, before the server starts: a namespace that is made through the API
// is known to all services only seconds later, and so are its search attributes.
func createNamespace(cfg *config.SQL, o Options) error {
	namespace, err := sqliteschema.NewNamespaceConfig(clusterName, o.Namespace, false, o.SearchAttributes)
	if err != nil {
		return fmt.Errorf("describe namespace %q: %w", o.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(o.Retention)
	if err := sqliteschema.CreateNamespaces(cfg, namespace); err != nil {
		return fmt.Errorf("make namespace %q: %w", o.Namespace, err)
	}
	return nil
}

// checkpoint moves the write-ahead log of a stopped server into the database,
// so that the one file is all there is to copy.
func checkpoint(ctx context.Context, dir string) (err error) {
	cfg := databaseConfig(dir)
	db, err := sql.Open("sqlite", "file:"+cfg.DatabaseName+"?mode=rw&_pragma=busy_timeout=1000&_pragma=synchronous=full")
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var busy, frames, moved int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("move the write-ahead log into the database: %w", err)
	}
	return nil
}
