package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds the checks of one /readyz.
const readyTimeout = 2 * time.Second

// Paths that are served.
const (
	PathMetrics = "/metrics"
	PathHealth  = "/healthz"
	PathReady   = "/readyz"
)

// Serve serves /metrics, /healthz and /readyz at a host:port until stop is
// called; Address says where. Whoever reaches it may read it: nothing in
// it is secret, and nothing can be changed there.
func (t *Telemetry) Serve(listen string) (stop func(), err error) {
	l, err := net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another process; give this one another port (telemetry.listen, or SIGNALBOX_TELEMETRY_LISTEN beside a file that two processes share)", listen)
	}
	if err != nil {
		return nil, err
	}
	t.address.Store(l.Addr().String())
	server := &http.Server{Handler: t.Handler(), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends with Close, and with nothing else to say
	}()
	return func() {
		_ = server.Close()
		<-done
	}, nil
}

// Address is where Serve serves, "" where it does not.
func (t *Telemetry) Address() string {
	address, _ := t.address.Load().(string)
	return address
}

// Handler is what Serve serves.
func (t *Telemetry) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+PathMetrics, promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET "+PathHealth, func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET "+PathReady, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		code := http.StatusOK
		ready, lines := t.Ready.Check(ctx)
		if !ready {
			code = http.StatusServiceUnavailable
		}
		text(w, code, strings.Join(lines, "\n"))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "Signalbox: "+PathMetrics+" "+PathHealth+" "+PathReady)
	})
	return mux
}

func text(w http.ResponseWriter, code int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, s) // a caller that has gone needs no answer
}
