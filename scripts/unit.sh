#!/usr/bin/env bash
set -euo pipefail
go test -race $(scripts/packages.sh) "$@"
