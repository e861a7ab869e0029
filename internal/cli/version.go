package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version of Signalbox; the build sets it.
var Version = "0.1.0-dev"

func versionCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of signalbox, Go and the Temporal SDK",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := map[string]string{"signalbox": Version, "go": runtime.Version(), "temporalSdk": moduleVersion("go.temporal.io/sdk")}
			if o.json() {
				return printJSON(cmd.OutOrStdout(), v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "signalbox %s (%s, Temporal SDK %s)\n", v["signalbox"], v["go"], v["temporalSdk"])
			return nil
		},
	}
}

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
