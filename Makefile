.PHONY: help build check unit tools e2e test soak simulate month histories

help: ## show the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## bin/signalbox and bin/signalbox-dev
	go build -o bin/ ./cmd/...

check: ## gofmt, vet, staticcheck, errcheck, workflowcheck
	scripts/check.sh

unit: ## unit tests with the race detector (no Temporal server)
	scripts/unit.sh

tools: ## Poppler, a real Ollama and the temporal CLI for the end-to-end tests (8 minutes the first time)
	scripts/debian.sh
	scripts/tools.sh test

e2e: ## end-to-end tests on the embedded Temporal server
	scripts/e2e.sh

test: ## everything that CI runs
	.ci/run

soak: ## the kill tests with many rounds, 20,000 documents, 2,000 jobs, 500 model switches, 20 outages of a minute
	SIGNALBOX_KILL_ROUNDS=30 go test ./tests -run 'TestKill|Killed|Frozen' -count=1 -timeout 90m -v
	SIGNALBOX_KILL_ROUNDS=10 SIGNALBOX_DOCUMENTS=20000 SIGNALBOX_JOBS=2000 go test ./tests -run 'TestALongJob|TestManyJobs' -count=1 -timeout 60m -v
	SIGNALBOX_SOAK=1 go test ./internal/device -run TestMemoryEnds -count=1 -timeout 30m -v
	SIGNALBOX_KILL_ROUNDS=30 SIGNALBOX_SOAK=1 go test ./tests -run TestOutagesUnderLoad -count=1 -timeout 90m -v

simulate: ## the protocol in a simulated world: 100,000 schedules of random faults (about a minute)
	SIGNALBOX_SCHEDULES=$${SIGNALBOX_SCHEDULES:-50000} go test ./internal/simulation -run 'Together' -count=1 -timeout 60m -v
	SIGNALBOX_SCHEDULES=1500 go test ./internal/simulation -run 'Quiet|Alone|Rule' -count=1 -timeout 60m -v
	SIGNALBOX_SCHEDULES=200 go test ./internal/simulation -run 'Pair' -count=1 -timeout 60m -v

month: ## the specified workload for 30 simulated days: busy share, waits, switches, hours lost
	SIGNALBOX_DAYS=30 go test ./internal/simulation -run Month -count=1 -v

histories: ## records histories of this version that later ones have to replay
	SIGNALBOX_RECORD_HISTORIES=$(CURDIR)/workers/testdata/histories/$$(date +%F) go test ./tests -run TestRecordHistories -count=1 -v
