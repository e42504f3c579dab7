# Each module is built and tested by its own requirements, as its users get it; go.work is for editors.
export GOWORK := off

SHELL := bash
.DEFAULT_GOAL := help

# ARGS are handed to the programs of demo and bench, PKG narrows test-race and lint: make lint PKG=./server/...
ARGS ?=
PKG ?=

.PHONY: help
help: ## list the targets
	@echo "Fairlead. make TARGET, with TARGET one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: demo
demo: ## start services, call them from Fairlead and from grpc-go, measure both: about a minute
	@cd lab && go run ./cmd/demo $(ARGS)

.PHONY: test
test: ## build, vet, test (with and without the race detector), lint, check generated code
	@tools/test.sh

.PHONY: test-race
test-race: ## go test -race of one pattern: make test-race PKG=./server/...
	@tools/each.sh "$(PKG)" go test -race

.PHONY: foreign
foreign: ## install what tests against other languages need: Python's, Ruby's and Node's gRPC
	@tools/foreign.sh

.PHONY: browser
browser: ## install the browser in which the tests open pages: Chromium
	@tools/browser.sh

.PHONY: protobuf
protobuf: ## install protobuf's conformance runner, which tests JSON
	@tools/protobuf.sh

.PHONY: bench
bench: ## measure against grpc-go on this machine, with the goals beside the figures: 20 to 30 minutes
	@cd lab && go run ./cmd/bench $(ARGS)

.PHONY: fuzz
fuzz: ## run each fuzz function for FUZZTIME, 30s if not set: make fuzz FUZZ='http2 FuzzServer' FUZZTIME=10m
	@tools/fuzz.sh

# SOAK is how long the soak lasts, a duration of Go.
SOAK ?= 10m

.PHONY: soak
soak: ## calls under cuts and restarts for SOAK, 10m if not set; a hundred rolling restarts: nothing may be left
	@cd conformance && FAIRLEAD_SOAK=$(SOAK) go test -race -tags poison -count 1 -v -timeout 24h ./soak
	@cd conformance && FAIRLEAD_SOAK=$(SOAK) go test -race -tags poison -count 1 -v -timeout 1h -run TestRollingRestarts .

# MUTATE are the packages whose tests are measured, N the number of mutants, SEED which ones.
MUTATE ?= ./client ./internal/http2 ./internal/rpcwire ./internal/rpcwire/grpcwire
N ?= 200
SEED ?= 1

.PHONY: mutate
mutate: ## change N (200) random places (SEED) of packages, one at a time, and see that their tests notice: about 20 minutes
	@cd tools/mutate && go build -o "$(CURDIR)/.tools/mutate" .
	@.tools/mutate -n $(N) -seed $(SEED) $(ARGS) $(MUTATE)

.PHONY: lint
lint: .tools/golangci-lint ## run all linters over all modules, or over one pattern: make lint PKG=./server/...
	@tools/each.sh "$(PKG)" "$(CURDIR)/.tools/golangci-lint" run --allow-parallel-runners

.PHONY: fmt
fmt: .tools/golangci-lint ## format the hand-written Go code of all modules
	@tools/each.sh "$(PKG)" "$(CURDIR)/.tools/golangci-lint" fmt

.PHONY: gen
gen: ## generate all committed code again
	@tools/gen.sh

.PHONY: gen-check
gen-check: ## fail if committed generated code is not what the generator makes
	@tools/gen.sh --check

.PHONY: tidy
tidy: ## go mod tidy in all modules
	@tools/each.sh "" go mod tidy

.PHONY: tools
tools: .tools/golangci-lint .tools/benchstat ## build the pinned tools into .tools

.tools/golangci-lint .tools/benchstat &: tools/go.mod tools/go.sum
	@echo "building the tools that tools/go.mod pins (once, a minute or two)"
	@mkdir -p .tools
	@cd tools && go build -o ../.tools/ tool
	@touch .tools/golangci-lint .tools/benchstat

# buf's command, with which the tests compare fairlead check breaking.
.tools/buf: tools/buf/go.mod tools/buf/go.sum
	@echo "building buf's command, which tests compare with (once, a minute or two)"
	@mkdir -p .tools
	@cd tools/buf && go build -o ../../.tools/ tool
	@touch .tools/buf

.PHONY: clean
clean: ## remove what make has built
	rm -rf .tools bin
