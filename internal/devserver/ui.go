package devserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// webUI is the Temporal Web UI.
type webUI struct {
	server *uiserver.Server
	url    string
	done   chan struct{}
}

// startUI serves the Web UI on a port that was just released, and returns once
// it answers.
func startUI(ctx context.Context, o Options, uiPort int, frontend string) (_ *webUI, err error) {
	// The UI server panics about assets and configuration that it cannot use.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("set up the Web UI: %v", r)
		}
	}()
	ui := &webUI{
		server: uiserver.NewServer(uioptions.WithConfigProvider(uiConfig(o, uiPort, frontend))),
		url:    "http://" + net.JoinHostPort(o.dialIP(), strconv.Itoa(uiPort)),
		done:   make(chan struct{}),
	}
	go func() {
		defer close(ui.done)
		_ = ui.server.Start() // always nil: it ends with Stop
	}()
	if err := ui.ready(ctx); err != nil {
		_ = ui.stop(ctx)
		return nil, err
	}
	return ui, nil
}

// uiConfig is the UI server's configuration: everything that users need, and
// nothing that looks outside. Sign-in and codec server stay off by their zero
// values.
func uiConfig(o Options, uiPort int, frontend string) *uiconfig.Config {
	host := o.IP
	if net.ParseIP(host).To4() == nil {
		host = "[" + host + "]"
	}
	return &uiconfig.Config{
		TemporalGRPCAddress: frontend,
		Host:                host,
		Port:                uiPort,
		EnableUI:            true,
		DefaultNamespace:    o.Namespace,
		// Neither the news feed nor the question for newer releases, which
		// would go to temporal.io and github.com.
		DisableNewsFetch:   true,
		NotifyOnNewVersion: false,
		HideLogs:           true,
		// The cookie against cross-site requests must work over plain HTTP.
		CORS: uiconfig.CORS{CookieInsecure: true},
	}
}

// ready waits until the UI answers.
func (u *webUI) ready(ctx context.Context) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	err := poll(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url+"/healthz", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", req.URL, resp.Status)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("wait for the Web UI: %w", err)
	}
	return nil
}

// stop ends the UI and waits for it until ctx is done.
func (u *webUI) stop(ctx context.Context) error {
	u.server.Stop()
	select {
	case <-u.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the Web UI has not stopped: %w", ctx.Err())
	}
}
