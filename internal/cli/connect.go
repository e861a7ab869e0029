package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"signalbox/starter"
	"signalbox/workers"
)

// connectTimeout is how long Temporal may take to answer at first.
const connectTimeout = 5 * time.Second

// clientOptions reads the environment and temporal.toml; flags go before them.
func (o *options) clientOptions() (client.Options, error) {
	opts, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return opts, fmt.Errorf("temporal's client settings: %w", err)
	}
	if o.address != "" {
		opts.HostPort = o.address
	}
	if opts.HostPort == "" {
		opts.HostPort = client.DefaultHostPort
	}
	if o.namespace != "" {
		opts.Namespace = o.namespace
	}
	if opts.Namespace == "" {
		opts.Namespace = client.DefaultNamespace
	}
	return opts, nil
}

// connect reaches Temporal for a command, without the SDK's own log, which is no
// use to somebody at a terminal.
func (o *options) connect(ctx context.Context) (client.Client, error) {
	opts, err := o.clientOptions()
	if err != nil {
		return nil, err
	}
	return dial(ctx, opts, slog.New(slog.DiscardHandler))
}

func dial(ctx context.Context, opts client.Options, logger *slog.Logger) (client.Client, error) {
	opts.Logger = workers.Logger(logger)
	first, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	c, err := client.DialContext(first, workers.Connection(opts))
	if err != nil {
		return nil, fmt.Errorf("temporal at %s (namespace %s) does not answer (%s); is it running? signalbox-dev starts one, --address names another",
			opts.HostPort, opts.Namespace, lastCause(err))
	}
	return c, nil
}

// lastCause is the end of an error's chain as gRPC writes it: what the system
// said.
func lastCause(err error) string {
	text := strings.Trim(err.Error(), `"`)
	if i := strings.LastIndex(text, "dial tcp "); i >= 0 {
		return text[i:]
	}
	if strings.Contains(text, "produced zero addresses") || strings.Contains(text, "no children to pick from") {
		return "its name cannot be resolved, or nothing listens there"
	}
	return text
}

// with runs do with a starter for the Temporal that is configured.
func (o *options) with(ctx context.Context, do func(*starter.Starter) error) error {
	c, err := o.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(starter.New(c))
}
