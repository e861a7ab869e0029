package devserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// Defaults for the options that a program offers its users. The two ports are
// those of Temporal's own development server.
const (
	DefaultIP           = "127.0.0.1"
	DefaultFrontendPort = 7233
	DefaultUIPort       = 8233
	DefaultNamespace    = "default"
	// DefaultRetention is how long closed workflows are kept: results, failures
	// and approvals are looked at later than the server's own 24 hours.
	DefaultRetention = 30 * 24 * time.Hour
	// MinRetention is the shortest Retention that Start accepts, which is the
	// server's own limit (system.namespaceMinRetentionLocal).
	MinRetention = time.Hour
)

// NoPort as UIPort switches the Web UI off.
const NoPort = -1

const maxPort = 65535

// Options say where a Server keeps its state and where it listens. Only
// StateDir is required.
type Options struct {
	// StateDir is the state folder. It is created with mode 0700 where it is
	// missing.
	StateDir string
	// IP is the address that the frontend, the Web UI and the metrics listen
	// on, an IP literal; "" is DefaultIP. Any address other than a loopback one
	// gives everyone who reaches it full control, and is warned about. The
	// internal services listen on 127.0.0.1 whatever it says.
	IP string
	// FrontendPort is where clients and workers connect; 0 picks a free port.
	FrontendPort int
	// UIPort is the Web UI's port; 0 picks a free port, NoPort starts no UI.
	UIPort int
	// Namespace is made at the first start; "" is DefaultNamespace.
	Namespace string
	// SearchAttributes are the namespace's, made at the first start; a database
	// that is there keeps what it has.
	SearchAttributes map[string]enumspb.IndexedValueType
	// Retention is how long closed workflows of the namespace are kept, at
	// least MinRetention; 0 is DefaultRetention. A changed value counts for the
	// workflows that close from then on.
	Retention time.Duration
	// Logger gets the server's log; nil is slog.Default(). LogLevel is the
	// least level that is passed on to it; nil is slog.LevelWarn.
	Logger   *slog.Logger
	LogLevel slog.Leveler
	// MetricsPort serves the server's own metrics for Prometheus at /metrics;
	// 0 opens no port.
	MetricsPort int
}

// withDefaults returns o with every field set, or an error that names the
// field that is wrong.
func (o Options) withDefaults() (Options, error) {
	if o.StateDir == "" {
		return o, errors.New("StateDir is empty: name the folder that keeps the server's state")
	}
	if o.IP == "" {
		o.IP = DefaultIP
	}
	if net.ParseIP(o.IP) == nil {
		return o, fmt.Errorf("IP %q is not an IP address; use a literal such as %s", o.IP, DefaultIP)
	}
	for _, p := range []struct {
		name      string
		port, min int
	}{
		{"FrontendPort", o.FrontendPort, 0},
		{"UIPort", o.UIPort, NoPort},
		{"MetricsPort", o.MetricsPort, 0},
	} {
		if p.port < p.min || p.port > maxPort {
			return o, fmt.Errorf("%s %d is out of range; allowed are %d to %d", p.name, p.port, p.min, maxPort)
		}
	}
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.Retention < MinRetention {
		return o, fmt.Errorf("a Retention of %s is too short; the least is %s", o.Retention, MinRetention)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.LogLevel == nil {
		o.LogLevel = slog.LevelWarn
	}
	return o, nil
}

// dialIP is the address at which this process itself reaches what listens on
// IP: the unspecified address can be listened on, but is not one to dial or to
// put into a URL.
func (o Options) dialIP() string {
	ip := net.ParseIP(o.IP)
	switch {
	case !ip.IsUnspecified():
		return o.IP
	case ip.To4() != nil:
		return "127.0.0.1"
	default:
		return "::1"
	}
}
