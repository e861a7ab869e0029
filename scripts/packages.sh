#!/usr/bin/env bash
# Prints the packages that do not import the embedded Temporal server: linters
# and the race detector leave the others out, because they take minutes there.
set -euo pipefail
go list -f '{{.ImportPath}} {{join .Deps " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... |
	grep -v -e 'go.temporal.io/server/' -e 'signalbox/internal/devserver' | cut -d' ' -f1
