package workers

import (
	"net"

	"go.temporal.io/sdk/client"
)

// Nearby makes a client of a Temporal on this machine talk without compression: there
// it costs more than it saves. Options for another machine are left as they are; one
// behind a tunnel that ends here is taken for this one, and costs a little more of the
// network than it need.
func Nearby(o client.Options) client.Options {
	host, _, err := net.SplitHostPort(o.HostPort)
	if err != nil || o.ConnectionOptions.GrpcCompression != nil {
		return o
	}
	if ip := net.ParseIP(host); host == "localhost" || ip.IsLoopback() {
		o.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	return o
}
