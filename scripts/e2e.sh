#!/usr/bin/env bash
# Runs the end-to-end tests, and compares the skips with those that are allowed.
set -euo pipefail
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
go test ./internal/devserver ./tests/... -count=1 -timeout 40m -json "$@" >"$out" || status=$?
go run ./scripts/skips -allowed .ci/skips.txt <"$out" || status=1
exit $status
