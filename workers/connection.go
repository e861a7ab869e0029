package workers

import (
	"net"
	"time"

	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	// reconnectEvery bounds the wait between two attempts to reach a Temporal that
	// was lost. The SDK's own is 10 s, for which people would be told that the GPU's
	// host is gone although the network is back.
	reconnectEvery = 2 * time.Second
	// connectWithin is how long one attempt may take.
	connectWithin = 5 * time.Second
)

// Connection completes the options of a client with how it keeps its connection. With
// a Temporal on this machine it talks without compression, which costs more there than
// it saves; one behind a tunnel that ends here is taken for this one, and costs a
// little more of the network than it need.
func Connection(o client.Options) client.Options {
	reconnect := backoff.DefaultConfig
	reconnect.BaseDelay, reconnect.MaxDelay = 200*time.Millisecond, reconnectEvery
	ours := grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: connectWithin})
	// What the caller has asked for comes later, and counts.
	o.ConnectionOptions.DialOptions = append([]grpc.DialOption{ours}, o.ConnectionOptions.DialOptions...)
	if o.ConnectionOptions.GrpcCompression == nil && isNearby(o.HostPort) {
		o.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	return o
}

func isNearby(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
