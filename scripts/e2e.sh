#!/usr/bin/env bash
# Runs the end-to-end tests, and compares the skips with those that are allowed.
# Programs that scripts/tools.sh has installed are used, unless the environment
# or the PATH names others.
set -euo pipefail
bin="${SIGNALBOX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/signalbox}/bin"
use() { # VARIABLE PROGRAM
	if [ -z "${!1:-}" ] && ! command -v "$2" >/dev/null && [ -x "$bin/$2" ]; then
		export "$1=$bin/$2"
	fi
}
use SIGNALBOX_TEST_OLLAMA ollama
use SIGNALBOX_TEST_TEMPORAL temporal
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
go test ./internal/devserver ./internal/realollama ./internal/ollama ./internal/device ./internal/documents ./tests/... \
	-count=1 -timeout 40m -json "$@" >"$out" || status=$?
go run ./scripts/skips -allowed .ci/skips.txt <"$out" || status=1
exit $status
