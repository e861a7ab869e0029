#!/usr/bin/env bash
# Installs the linters, pinned, into the cache folder and prints that folder.
set -euo pipefail
bin="${SIGNALBOX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/signalbox}/bin"
mkdir -p "$bin"
install_tool() { # NAME MODULE-PATH VERSION
	if [ ! -x "$bin/$1-$3" ]; then
		echo "installing $1 $3" >&2
		GOBIN="$bin" go install "$2@$3" >&2
		mv "$bin/$1" "$bin/$1-$3"
	fi
	ln -sf "$1-$3" "$bin/$1"
}
install_tool staticcheck honnef.co/go/tools/cmd/staticcheck v0.8.2
install_tool errcheck github.com/kisielk/errcheck v1.30.0
install_tool workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck v0.6.0
echo "$bin"
