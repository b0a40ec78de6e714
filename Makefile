# What there is to do here; CI calls the same targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# Whatever the caller's settings are: only go.mod decides which code is built, and
# the version comes from git below, also where Go refuses to ask a checkout that
# belongs to somebody else.
export GOFLAGS := -mod=readonly -buildvcs=false
export GOWORK := off
export PATH := $(value PATH):/usr/local/go/bin

# What the caller may set. Recipes read these from their environment, as "$$NAME", so
# that no value is ever text of a shell or of make: not a tag's name, which anybody who
# may push a tag decides, and not a seed. Two of them have their defaults from git.
FUZZTIME ?= 30s
BENCH ?=
PACKAGES ?= ./...
BASE ?= origin/main
SEED ?= 1
ROUNDS ?= 4
DURATION ?= 60s
STORE ?= postgres
NODES ?= 1
HOSTILE ?= 0
JS ?= 0
REDIS ?=
STANDBY ?=
FILES ?= disk
PARTITIONS ?=
SERVERS ?=
MEMBERS ?= 1000000
WORKLOADS ?=
SERIES ?=
VERSION ?=
COMMIT ?=
SETTABLE := FUZZTIME BENCH PACKAGES BASE ROUNDS SEED DURATION STORE NODES HOSTILE JS REDIS STANDBY FILES PARTITIONS SERVERS WORKLOADS SERIES MEMBERS VERSION COMMIT
$(foreach name,$(SETTABLE),$(eval override $(name) := $$(value $(name))))
export $(SETTABLE)

ifeq ($(VERSION),)
override VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
endif
ifeq ($(COMMIT),)
override COMMIT := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
endif

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r target does; do \
		printf '  %-14s %s\n' "$$target" "$$does"; done

.PHONY: build
build: toolchain ## build bin/caravan and bin/caravan-bench
	plain() { printf %s "$$1" | tr -c 'A-Za-z0-9._+/~-' _; }; \
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$$(plain "$$VERSION") -X main.commit=$$(plain "$$COMMIT")" \
		-o bin/ ./cmd/caravan ./cmd/caravan-bench

.PHONY: run
run: build ## start a development server and print the link to its demo page
	@exec bin/caravan serve --dev

.PHONY: test
# SQLite's code and its C library, translated from C, keep their threads apart as C does; the
# race detector learns nothing there and makes them five times slower. Each program that has
# the detector sleeps a second before it ends, unless GORACE says less: tests start many.
# Packages wait as well as compute, so that one more than there are processors run at a time;
# with two a processor each got so little that clocks ran out. What waits most comes first:
# it was the last, and alone. Vetting is lint's. Nobody debugs these programs, so that they are
# linked without what a debugger needs to know (-w).
test: toolchain ## run every test, and first install what they need: it says what
	@.ci/provision
	@echo 'Building: minutes where nothing was built yet' >&2
	@go list -export ./cmd/... >/dev/null # some tests build the commands: what that links is compiled once, before they compete for it
	@CGO_ENABLED=0 go tool -modfile=.ci/s3/go.mod -n versitygw >/dev/null # an S3 server, likewise
	@go build -C .ci/kubernetes -o /dev/null . # what reads the manifests, likewise
	set -f; waiting=; [ "$$PACKAGES" != ./... ] || waiting=./room/socket; \
	GORACE=atexit_sleep_ms=100 go test -race -vet=off -ldflags=-w -gcflags=modernc.org/sqlite/lib=-race=false \
		-gcflags=modernc.org/libc=-race=false -gcflags=modernc.org/memory=-race=false \
		-p $$((1 + $$(getconf _NPROCESSORS_ONLN))) -timeout 15m $$waiting $$PACKAGES

.PHONY: unit
unit: toolchain ## run the tests that need no service and no root (go test -short)
	set -f; go test -short -p 4 $$PACKAGES # they wait more than they compute

.PHONY: lint
lint: toolchain ## check format, vet, staticcheck, go.mod, shell scripts, licences and known vulnerabilities
	@.ci/lint

.PHONY: reference
reference: toolchain ## write docs/reference.md from the specifications in protocol/spec
	@go run ./protocol/spec/reference

.PHONY: fuzz
fuzz: toolchain ## fuzz each parser for FUZZTIME (30s)
	@set -f; .ci/fuzz "$$FUZZTIME" $$PACKAGES

.PHONY: bench
bench: build ## run the standard set of workloads ROUNDS (4) times, on STORE, into bench/results; with BENCH or PACKAGES the Go benchmarks that match, six times each
	@set -f; if [ -n "$$BENCH" ] || [ "$$PACKAGES" != ./... ]; then \
		go test -run '^$$' -bench "$${BENCH:-.}" -benchmem -count 6 -timeout 60m $$PACKAGES; \
	else \
		bin/caravan-bench standard --out "bench/results/$$(date -u +%Y-%m-%d-%H%M%S)" --store "$$STORE" --rounds "$$ROUNDS"; \
	fi

.PHONY: bench-compare
bench-compare: build ## compare what bench runs, the standard set or Go benchmarks, with the commit BASE, by turns
	@set -f; .ci/bench-compare "$$BASE" "$$BENCH" $$PACKAGES

.PHONY: bench-peers
bench-peers: build ## measure SERVERS (all) in WORKLOADS (all): Caravan beside the floor and servers on other libraries
	cd bench/peers && CGO_ENABLED=0 go build -trimpath -o ../../bin/ .
	@bin/caravan-bench peers $${SERVERS:+--servers "$$SERVERS"} $${WORKLOADS:+--workloads "$$WORKLOADS"}

.PHONY: bench-flat
bench-flat: build ## measure what a delivery costs in SERIES (all) of shapes, members, rooms and connections, on Caravan and the floor, into bench/results
	@bin/caravan-bench flat --out "bench/results/$$(date -u +%Y-%m-%d-%H%M%S)-flat" $${SERIES:+--series "$$SERIES"} $${SERVERS:+--servers "$$SERVERS"}

.PHONY: million
million: build ## put MEMBERS (a million) members on this machine, on nodes of its own, break some, and report
	@bin/caravan-bench million --members "$$MEMBERS"

.PHONY: chaos
chaos: build ## break servers for DURATION (60s) as SEED decides, STORE postgres or sqlite, NODES, REDIS=1, pair or cluster, STANDBY=sync or async, FILES=s3, PARTITIONS=1, HOSTILE members, JS users of the JavaScript library, and account for every message
	@bin/caravan-bench chaos --seed "$$SEED" --duration "$$DURATION" --store "$$STORE" --nodes "$$NODES" $${REDIS:+"--redis=$$REDIS"} \
		--standby "$$STANDBY" --files "$$FILES" $${PARTITIONS:+--partitions} --hostile "$$HOSTILE" --js-clients "$$JS"

.PHONY: dist
dist: build ## make a release archive and a Debian package of bin/caravan, in dist/
	@deploy/dist.sh "$$VERSION"

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist

.PHONY: toolchain
toolchain:
	@command -v go >/dev/null || { echo 'Caravan needs Go 1.26 or later: https://go.dev/doc/install' >&2; exit 1; }
