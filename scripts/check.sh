#!/usr/bin/env bash
set -euo pipefail
unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	echo "gofmt would change:" && echo "$unformatted" && exit 1
fi
packages=$(scripts/packages.sh)
PATH="$(scripts/tools.sh lint):$PATH"
go vet $packages
staticcheck $packages
errcheck -exclude scripts/errcheck.txt $packages
workflowcheck -config .ci/workflowcheck.yaml ./workflows/...
echo "checks passed"
