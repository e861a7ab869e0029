package devserver

import (
	"net"
	"strconv"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const (
	// clusterName is stored in the database; it must never change.
	clusterName = "active"
	// historyShards is stored in the database; it cannot change afterwards. One
	// shard is plenty for one SQLite file, which has one writer anyway.
	historyShards = 1
	// internalIP is where the services talk to each other.
	internalIP = "127.0.0.1"
)

// services are those of a full Temporal server, and a frontend for the server
// itself. The server never stops some of the workers that it runs for itself,
// so after Stop they look for their frontend as long as the process lives. If
// they knew the public one, those of a stopped server would take tasks of the
// next one on the same port.
var services = []primitives.ServiceName{
	primitives.FrontendService, primitives.InternalFrontendService,
	primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
}

// serverOptions is the whole configuration of the embedded server.
func serverOptions(o Options, db *config.SQL, p ports, logger log.Logger) []temporal.ServerOption {
	frontend := net.JoinHostPort(o.dialIP(), strconv.Itoa(p.frontend))
	hosts := make(map[primitives.ServiceName]static.Hosts, len(services))
	rpc := make(map[string]config.Service, len(services))
	names := make([]string, 0, len(services))
	for _, name := range services {
		listen, ip, port := internalIP, internalIP, p.internal[name]
		if name == primitives.FrontendService {
			listen, ip, port = o.IP, o.dialIP(), p.frontend
		}
		// Each service knows where the others are: with one host of each there
		// is nothing to gossip about, and no port to open for it.
		hosts[name] = static.SingleLocalHost(net.JoinHostPort(ip, strconv.Itoa(port)))
		names = append(names, string(name))
		rpc[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: listen}}
	}
	cfg := &config.Config{
		Persistence: config.Persistence{
			NumHistoryShards: historyShards,
			DefaultStore:     db.PluginName,
			VisibilityStore:  db.PluginName,
			DataStores:       map[string]config.DataStore{db.PluginName: {SQL: db}},
		},
		ClusterMetadata: &cluster.Config{
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			FailoverVersionIncrement: 10,
			ClusterInformation: map[string]cluster.ClusterInformation{
				// The cluster's id is made at random at the first start.
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		Services: rpc,
		DCRedirectionPolicy: config.DCRedirectionPolicy{
			Policy: "noop",
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{
			Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			},
		},
	}
	if o.MetricsPort > 0 {
		cfg.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{
			ListenAddress: net.JoinHostPort(o.IP, strconv.Itoa(o.MetricsPort)),
		}}
	}
	return []temporal.ServerOption{
		temporal.WithConfig(cfg),
		temporal.ForServices(names),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithDynamicConfigClient(dynamicConfig()),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	}
}
