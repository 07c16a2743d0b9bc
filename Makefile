# The commands of this repository. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
GOARCH ?= $(shell go env GOARCH)
HOSTARCH := $(shell go env GOHOSTARCH)
# bin/ holds the programs for this machine, bin/linux_<arch>/ those for another one.
BIN := bin$(if $(filter-out $(HOSTARCH),$(GOARCH)),/linux_$(GOARCH))
TOOL := GOARCH=$(HOSTARCH) go tool -modfile=$(CURDIR)/internal/tools/go.mod
LINT := GOARCH=$(HOSTARCH) go tool -modfile=$(CURDIR)/internal/tools/lint/go.mod golangci-lint
VERSION := $(shell sed -n 's/^  version: //p' builder-config.yaml)
# The state of git is not stamped into binaries: the same sources make the same bytes, and so the same image.
export GOFLAGS := $(GOFLAGS) -buildvcs=false
IMAGE ?= ghcr.io/nodesec/nodesec:$(VERSION)
GO_SOURCES = $(shell git ls-files -co --exclude-standard '*.go' go.mod go.sum internal/embedded connectors exporters extensions processors receivers deploy)

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Measure this host into an embedded ClickHouse and show a live summary
	@bin/nodesecctl up

.PHONY: build
build: $(BIN)/nodesec $(BIN)/nodesecctl ## Build bin/nodesec and bin/nodesecctl (GOARCH=arm64 for the other architecture)

.PHONY: build-all
build-all: ## Build for linux/amd64 and linux/arm64
	$(MAKE) build GOARCH=amd64
	$(MAKE) build GOARCH=arm64

# An image has no C library: its nodesecctl is static, without the embedded ClickHouse.
.PHONY: image
image: build-all ## Write build/nodesec.oci.tar, an image for linux/amd64 and linux/arm64, and lists of its parts
	@set -e; for arch in amd64 arm64; do mkdir -p build/image-$$arch; \
		cp bin$$([ $$arch = $(HOSTARCH) ] || echo /linux_$$arch)/nodesec build/image-$$arch/; \
		GOOS=linux GOARCH=$$arch go build -tags nolibchdb -trimpath -ldflags '-s -w -X main.version=$(VERSION)' \
			-o build/image-$$arch/nodesecctl ./cmd/nodesecctl; done
	cd deploy/image && GOARCH=$(HOSTARCH) go build -o $(CURDIR)/build/image .
	build/image -name $(IMAGE) -output build/nodesec.oci.tar -license LICENSE \
		-binaries linux/amd64=build/image-amd64 -binaries linux/arm64=build/image-arm64

# OCB wants the collector's main package where it generated it, so the binary is moved from there.
$(BIN)/nodesec: $(GO_SOURCES) builder-config.yaml
	@mkdir -p $(BIN) build
	GOARCH=$(HOSTARCH) go build -modfile=internal/tools/go.mod -o build/ocb go.opentelemetry.io/collector/cmd/builder
	GOOS=linux GOARCH=$(GOARCH) build/ocb --config builder-config.yaml --skip-generate --skip-get-modules
	mv cmd/nodesec/nodesec $@

$(BIN)/nodesecctl: $(GO_SOURCES)
	@mkdir -p $(BIN)
	GOOS=linux GOARCH=$(GOARCH) go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/nodesecctl

.PHONY: generate
generate: ## Regenerate the collector's main package, the components' metadata and the BPF objects (clang-19)
	$(TOOL) builder --config builder-config.yaml --skip-compilation
	@set -e; for file in $$(git ls-files '*/metadata.yaml'); do echo "mdatagen $$file"; \
		(cd $$(dirname $$file) && $(TOOL) mdatagen metadata.yaml); done
	go generate ./receivers/...
	go test ./receivers/nodesecurity -run TestFeaturesThatMayBeLeftOut -update
	go test ./internal/features -run TestDocumentation -update
	go test ./processors/rules -run TestListOfFeatures -update

.PHONY: manifests
manifests: ## Render deploy/kubernetes and the chart's test data anew
	cd deploy/helm && go test ./... -update

.PHONY: test
test: build ## Run all tests: units, ClickHouse for real, and the built binaries end to end
	go test -timeout 20m ./...
	cd deploy/image && go test ./...
	cd deploy/helm && go test ./...

.PHONY: e2e
e2e: image ## Install the chart on a real Kubernetes node, made for it and removed after, and test what it stores (root)
	cd deploy/helm && GOARCH=$(HOSTARCH) go build -o $(CURDIR)/build/helm helm.sh/helm/v3/cmd/helm
	GOARCH=$(HOSTARCH) go build -o build/node ./tests/kubernetes/node
	GOARCH=$(HOSTARCH) go test -c -o build/e2e.test ./tests/kubernetes/e2e
	cd tests/kubernetes/e2e && NODESEC_TEST_E2E=1 NODESEC_TEST_CLICKHOUSE=1 $(CURDIR)/build/node -image $(CURDIR)/build/nodesec.oci.tar \
		$(CURDIR)/build/e2e.test -test.v -test.timeout 20m $(E2EFLAGS)

.PHONY: sizing
sizing: ## Measure what an agent costs on a node, for the table of docs/kubernetes.md
	NODESEC_TEST_SIZING=1 $(MAKE) e2e E2EFLAGS='-test.run TestSizing -test.timeout 60m'

.PHONY: benign
benign: build ## Run builds, databases, servers and scripts for ten minutes and print the alerts that they raise
	NODESEC_BENIGN_DURATION=$(or $(BENIGNTIME),10m) NODESEC_TEST_CLICKHOUSE=1 NODESEC_TEST_BPF=1 \
		go test ./tests/e2e -run TestBenignLoads -v -count 1 -timeout 2h

.PHONY: fuzz
fuzz: ## Fuzz every parser for FUZZTIME (20s)
	@tests/fuzz.sh $(or $(FUZZTIME),20s)

.PHONY: lint
lint: ## Check style, and vet for both architectures
	$(LINT) run
	GOARCH=arm64 go vet ./...

.PHONY: bench
bench: $(BIN)/nodesec ## Measure against contrib's components and write the table of docs/benchmarks.md
	cd tests/bench && go run . $(BENCHFLAGS)

.PHONY: dataset
dataset: build ## Act out attacks and other work on this host, and export a labelled data set to dataset/ (root)
	@lab/dataset.sh

.PHONY: baselines
baselines: build ## Train simple detectors on that data set and write docs/baselines.md
	@lab/baselines.sh

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin build
