# What there is to do here; CI calls the same targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# Whatever the caller's settings are: only go.mod decides which code is built, and
# the version comes from git below, also where Go refuses to ask a checkout that
# belongs to somebody else.
export GOFLAGS := -mod=readonly -buildvcs=false
export GOWORK := off
export PATH := $(PATH):/usr/local/go/bin

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# SQLite's code, translated from C, keeps its threads apart as C does; the race
# detector learns nothing there and makes it five times slower.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false

FUZZTIME ?= 30s
BENCH ?= .
PACKAGES ?= ./...
BASE ?= origin/main
SEED ?= 1
DURATION ?= 60s
STORE ?= postgres
NODES ?= 1
HOSTILE ?= 0
REDIS ?=

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target does; do \
		printf '  %-14s %s\n' "$$target" "$$does"; done

.PHONY: build
build: toolchain ## build bin/caravan and bin/caravan-bench
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/caravan ./cmd/caravan-bench

.PHONY: run
run: build ## start a development server and print the link to its demo page
	@exec bin/caravan serve --dev

.PHONY: test
test: toolchain ## run every test, and first install what they need: it says what
	@.ci/provision
	@echo 'Building: minutes where nothing was built yet' >&2
	@go build ./cmd/... # some tests build the commands: once, before they compete for it
	go test $(RACE) -timeout 15m $(PACKAGES)

.PHONY: unit
unit: toolchain ## run the tests that need no service and no root (go test -short)
	go test -short -p 4 $(PACKAGES) # they wait more than they compute

.PHONY: lint
lint: toolchain ## check format, vet, staticcheck, go.mod and shell scripts
	@.ci/lint

.PHONY: fuzz
fuzz: toolchain ## fuzz each parser for FUZZTIME (30s)
	@.ci/fuzz $(FUZZTIME) $(PACKAGES)

.PHONY: bench
bench: toolchain ## run the benchmarks that match BENCH in PACKAGES, six times each
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count 6 -timeout 60m $(PACKAGES)

.PHONY: bench-compare
bench-compare: toolchain ## compare the benchmarks with those of the commit BASE
	@.ci/bench-compare '$(BASE)' '$(BENCH)' $(PACKAGES)

.PHONY: chaos
chaos: build ## break servers for DURATION (60s) as SEED decides, STORE postgres or sqlite, NODES, REDIS=1, HOSTILE members, and account for every message
	@bin/caravan-bench chaos --seed '$(SEED)' --duration '$(DURATION)' --store '$(STORE)' --nodes '$(NODES)' $(if $(REDIS),--redis) --hostile '$(HOSTILE)'

.PHONY: clean
clean: ## remove what was built
	rm -rf bin

.PHONY: toolchain
toolchain:
	@command -v go >/dev/null || { echo 'Caravan needs Go 1.26 or later: https://go.dev/doc/install' >&2; exit 1; }
