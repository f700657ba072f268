# dev, build and test-fast need GNU make and Go. The other targets also need servers: see scripts/services.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The floors whose tests need no server.
FAST := base contract domain pgsim store

# SQLite is C code translated to Go. It keeps its data outside of the Go heap, where the race detector sees nothing, but
# where it took most of the time of the tests. So the translated code is compiled without it; our code and the driver keep it.
TRANSLATED := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory/...
RACE := -race $(foreach package,$(TRANSLATED),-gcflags=$(package)=-race=false)

# The packages with the longest tests start first, so that they do not run alone at the end: those that wait for other
# processes by turns with those that need the processor.
LONG := $(addprefix ./internal/,test/e2e/crash adapter/sqlstore test/e2e/cards adapter/kafka test/e2e/grey app/settle test/e2e/flow test/e2e/streaming \
	test/e2e/process app/relay test/e2e/failover test/load)
REPORT := go run ./scripts/testreport

# The simulation allocates much and keeps little: a quarter of its time was garbage collection.
SIM := GOGC=400 go test -tags synctests

FUZZTIME ?= 10s
ARGS ?=
SEEDS ?= 200
SEED ?= 1
BENCH ?= .
ROUNDS ?= 5

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

dev: ## Run the whole shop in one process on embedded servers: make dev ARGS='--port 9090'
	go run ./cmd/commerce dev $(ARGS)

build: ## Build all programs into bin/
	go build -trimpath -o bin/ ./cmd/...

test: services ## Run all tests against the real servers, with the race detector; print the ten slowest
	eval "$$(scripts/services env)"; code=0; { \
		go test -json $(RACE) $(LONG) ./... || code=1; \
		$(SIM) -json $(RACE) ./internal/test/e2e/sim || code=1; \
		exit $$code; } | $(REPORT)

test-fast: ## Run the tests that need no server
	go test $(RACE) $(foreach floor,$(FAST),./internal/$(floor)/...)

test-crash: services ## Run the long crash test: kill and freeze every program and server while customers buy, then make parts sick: make test-crash CRASH_SEED=7
	eval "$$(scripts/services env)" && CRASH_LINES=$${CRASH_LINES:-20000} CRASH_KILLS=$${CRASH_KILLS:-24} GREY_FAULTS=$${GREY_FAULTS:-40} \
		go test -count=1 -p 1 -timeout 40m -v ./internal/test/e2e/crash ./internal/test/e2e/grey

test-cards: services ## Run the long card test: a gateway that lies, hangs and dies: make test-cards CARD_ORDERS=500
	eval "$$(scripts/services env)" && CARD_ORDERS=$${CARD_ORDERS:-2000} CARD_KILLS=$${CARD_KILLS:-24} CARD_DOWN=$${CARD_DOWN:-30} CARD_ROUNDS=$${CARD_ROUNDS:-3} \
		go test -count=1 -timeout 30m -v ./internal/test/e2e/cards

test-streaming: services ## Run the long test of the streamers: kills, outages and poison among many events: make test-streaming STREAMING_EVENTS=100000
	eval "$$(scripts/services env)" && STREAMING_EVENTS=$${STREAMING_EVENTS:-1000000} STREAMING_KILLS=$${STREAMING_KILLS:-20} \
		STREAMING_AWAY=$${STREAMING_AWAY:-60} STREAMING_LOCKED=1 \
		go test -count=1 -timeout 60m -v ./internal/test/e2e/streaming

test-sim: ## Run the simulation with SEEDS (200) seeds, or repeat one: make test-sim SEEDS=1 SEED=17
	$(SIM) -count=1 -timeout 60m ./internal/test/e2e/sim -seeds $(SEEDS) -seed $(SEED)

bench: services ## Compare our speed with a limit measured in the same run: make bench BENCH=Orders ROUNDS=3
	eval "$$(scripts/services env)" && go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 60m ./internal/test/e2e/bench -rounds $(ROUNDS)

load: services ## Let crowds of customers into the real programs, and write bin/load/report.html: make load SCENARIO=flash-sale RATE=500 DURATION=20s
	eval "$$(scripts/services env)" && go run ./load

bench-parts: services ## Run the benchmarks of single packages
	eval "$$(scripts/services env)" && go test -run '^$$' -bench . -benchmem ./internal/adapter/...

fuzz: ## Run every fuzz target for FUZZTIME (10s)
	scripts/fuzz $(FUZZTIME)

lint: ## Check code, formatting, go.mod and scripts
	scripts/golangci-lint run --allow-parallel-runners ./...
	go mod tidy -diff
	@if command -v shellcheck >/dev/null; then grep -rlIE '^#!.*sh$$' .ci scripts | xargs shellcheck; \
	else echo 'shellcheck is not installed: the scripts are not checked'; fi

fmt: ## Format the Go code and tidy go.mod
	scripts/golangci-lint fmt
	go mod tidy

generate: ## Regenerate the generated files
	go generate ./...

verify: lint test ## Check everything before a push: lint, tests, generated files up to date
	before=$$(git diff | cksum); go generate ./...; test "$$before" = "$$(git diff | cksum)" || \
		{ echo 'generated files were out of date: commit the changes'; exit 1; }

services: ## Start PostgreSQL, Redis and Kafka on loopback (see scripts/services)
	@scripts/services start

services-stop: ## Stop these servers
	@scripts/services stop

clean: ## Stop the servers, and delete their data and everything built
	scripts/services clean
	rm -rf bin .tools .services coverage.out coverage.html

.PHONY: help dev build test test-fast test-sim test-crash test-cards test-streaming bench load bench-parts fuzz lint fmt generate verify services services-stop clean
