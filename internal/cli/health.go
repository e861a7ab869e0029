package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signalbox/internal/config"
	"signalbox/internal/telemetry"
)

// healthTimeout bounds the whole look.
const healthTimeout = 5 * time.Second

func healthCommand(o *options) *cobra.Command {
	var url, file string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a worker on this host whether it is ready",
		Long: `Ask the worker's /readyz, and say which of its roles serve. Exit code 0 says that
all do: it is the health check of a container. Where to ask stands in the worker's
configuration (telemetry.listen), unless --url says it.`,
		Example: `  signalbox health
  signalbox health --config /etc/signalbox/signalbox.yaml
  signalbox health --url http://127.0.0.1:9465`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" {
				listen, err := configuredListen(file)
				if err != nil {
					return err
				}
				url = "http://" + listen
			}
			ready, text, err := askReady(cmd.Context(), url)
			if err != nil {
				return err
			}
			if o.json() {
				err = printJSON(cmd.OutOrStdout(), map[string]any{"ready": ready, "conditions": strings.Split(text, "\n")})
			} else {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			}
			if err == nil && !ready {
				err = errNotReady
			}
			return err
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "where the worker serves its health")
	cmd.Flags().StringVar(&file, "config", "", "the worker's configuration file (default: signalbox.yaml if it is there)")
	return cmd
}

// errNotReady is that a worker does not serve (yet), which its answer has said.
var errNotReady = errors.New("not ready")

func askReady(ctx context.Context, url string) (ready bool, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+telemetry.PathReady, nil)
	if err != nil {
		return false, "", usage("--url: %v", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, "", &inWords{fmt.Sprintf("no worker serves its health at %s (%s); is it running, and is telemetry.listen set?", url, lastCause(err)), err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return false, "", err
	}
	text = strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return false, "", fmt.Errorf("%s answers %s; is that a Signalbox worker?", url, resp.Status)
	}
	return resp.StatusCode == http.StatusOK, text, nil
}

// configuredListen is where a worker with this configuration and environment is
// reached from its own host.
func configuredListen(file string) (string, error) {
	const usual = "signalbox.yaml"
	if _, err := os.Stat(usual); file == "" && err == nil {
		file = usual
	}
	listen := os.Getenv("SIGNALBOX_TELEMETRY_LISTEN")
	switch {
	case listen != "": // goes before the file, which then need not be read
	case file == "":
		listen = config.DefaultListen
	default:
		c, err := config.Load(file, os.Getenv)
		if err != nil {
			return "", usage("%v", err)
		}
		if listen = c.Telemetry.Listen; listen == "" {
			return "", usage("telemetry.listen is empty in %s: the worker serves no health", file)
		}
	}
	return dialable(listen), nil
}

// dialable is how to reach what listens at host:port: on every address is on
// loopback too.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
