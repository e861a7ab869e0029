package devserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"go.temporal.io/server/common/primitives"
)

// ports are those that a server listens on.
type ports struct {
	frontend int
	// ui is NoPort without a Web UI.
	ui       int
	internal map[primitives.ServiceName]int
}

// reservation holds ports until the server takes them: neither the server nor
// the Web UI accepts an open listener, so each is closed just before its port
// is opened for good.
type reservation struct {
	ports
	server []net.Listener
	uiPort net.Listener
}

// reserve takes every port that o asks for, and free ones where it leaves the
// choice.
func reserve(o Options) (_ *reservation, err error) {
	r := &reservation{ports: ports{ui: NoPort, internal: map[primitives.ServiceName]int{}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.release())
		}
	}()
	frontend, err := listen("frontend", "FrontendPort", o.IP, o.FrontendPort)
	if err != nil {
		return nil, err
	}
	r.server = append(r.server, frontend)
	r.frontend = port(frontend)
	if o.UIPort != NoPort {
		if r.uiPort, err = listen("UI", "UIPort", o.IP, o.UIPort); err != nil {
			return nil, err
		}
		r.ui = port(r.uiPort)
	}
	if o.MetricsPort > 0 {
		l, err := listen("metrics", "MetricsPort", o.IP, o.MetricsPort)
		if err != nil {
			return nil, err
		}
		r.server = append(r.server, l)
	}
	for _, name := range services {
		if name == primitives.FrontendService {
			continue
		}
		l, err := listen("internal", "", internalIP, 0)
		if err != nil {
			return nil, err
		}
		r.server = append(r.server, l)
		r.internal[name] = port(l)
	}
	return r, nil
}

// listen opens one port; option is the option that chooses it.
func listen(what, option, ip string, p int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(p)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s port %d is %w; choose another with %s", what, p, ErrInUse, option)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("IP %s is not an address of this machine: %w", ip, err)
	case err != nil:
		return nil, fmt.Errorf("open the %s port %d: %w", what, p, err)
	}
	return l, nil
}

func port(l net.Listener) int {
	return l.Addr().(*net.TCPAddr).Port
}

// releaseServer frees the ports of everything but the Web UI.
func (r *reservation) releaseServer() error {
	var err error
	for _, l := range r.server {
		err = errors.Join(err, l.Close())
	}
	r.server = nil
	return err
}

// releaseUI frees the Web UI's port.
func (r *reservation) releaseUI() error {
	if r.uiPort == nil {
		return nil
	}
	l := r.uiPort
	r.uiPort = nil
	return l.Close()
}

// release frees whatever is still held.
func (r *reservation) release() error {
	return errors.Join(r.releaseServer(), r.releaseUI())
}
