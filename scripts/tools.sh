#!/usr/bin/env bash
# Installs pinned programs into the cache folder and prints that folder.
#   tools.sh lint   the linters
#   tools.sh test   a real Ollama (CPU, about 3 minutes) and the temporal CLI
#                   (about 5 minutes), for the end-to-end tests
set -euo pipefail
bin="${SIGNALBOX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/signalbox}/bin"
mkdir -p "$bin"
install_tool() { # NAME MODULE-PATH VERSION
	if [ ! -x "$bin/$1-$3" ]; then
		echo "installing $1 $3" >&2
		GOBIN="$bin" go install -trimpath -ldflags "-s -w" "$2@$3" >&2
		mv "$bin/$1" "$bin/$1-$3"
	fi
	ln -sf "$1-$3" "$bin/$1"
}
case "${1:-}" in
lint)
	install_tool staticcheck honnef.co/go/tools/cmd/staticcheck v0.8.2
	install_tool errcheck github.com/kisielk/errcheck v1.30.0
	install_tool workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck v0.6.0
	;;
test)
	# Later servers do not install with `go install`, later CLIs have replace
	# directives.
	install_tool ollama github.com/ollama/ollama v0.10.1
	install_tool temporal github.com/temporalio/cli/cmd/temporal v1.5.1
	;;
*)
	echo "usage: $0 lint|test" >&2
	exit 2
	;;
esac
echo "$bin"
