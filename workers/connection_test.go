package workers_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"signalbox/workers"
)

func TestNearbyIsNotCompressed(t *testing.T) {
	none := &client.GrpcCompressionNone{}
	for address, want := range map[string]client.GrpcCompression{
		"127.0.0.1:7233": none, "localhost:7233": none, "[::1]:7233": none,
		"10.0.0.7:7233": nil, "temporal.example:7233": nil, "dns:///127.0.0.1:7233": nil, "": nil,
	} {
		o := workers.Connection(client.Options{HostPort: address})
		if want == nil {
			require.Nil(t, o.ConnectionOptions.GrpcCompression, address)
			continue
		}
		require.Equal(t, want, o.ConnectionOptions.GrpcCompression, address)
	}
	asked := client.Options{HostPort: "localhost:7233"}
	asked.ConnectionOptions.GrpcCompression = &client.GrpcCompressionGzip{}
	require.Equal(t, asked.ConnectionOptions.GrpcCompression, workers.Connection(asked).ConnectionOptions.GrpcCompression)
}
