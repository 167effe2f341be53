# The targets of this repository; "make help" lists those of every day.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
CONFIG  ?=
FUZZTIME ?= 20s
H2SPEC   ?= v2.2.1+incompatible
BENCHFLAGS ?=
TIME     ?= 1m
TORTUREFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build run test race lint fuzz golden bench steering micro torture h2spec cross judge prove check clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  more, explained in the Makefile:"
	@awk -F':.*# ' '/^[a-z0-9]+:.*[^#]# /{printf " %s", $$1}END{print ""}' $(MAKEFILE_LIST)

build: ## build bin/rockstar-tui
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rockstar-tui .

run: build ## open the cockpit on the demo, or on CONFIG=my.yaml
	bin/rockstar-tui $(if $(CONFIG),-c $(CONFIG))

test: ## run every test with the race detector
	go test -race -timeout 15m -parallel 8 ./...

race: # run every test three times with the race detector, in random order
	go test -race -timeout 45m -parallel 8 -count=3 -shuffle=on ./...

lint: ## gofmt, vet and staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	cd internal/judge && go vet ./...

# Go sometimes ends a run with "context deadline exceeded" although it found nothing.
# A real finding is kept, and fails again in the second try.
fuzz: # fuzz every parser for FUZZTIME (20s) each
	@set -e; for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			for try in 1 2; do \
				if go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; then break; fi; \
				[ $$try = 1 ] || exit 1; \
			done; \
		done; \
	done

golden: ## rewrite golden screens, outputs, API and generated docs; read the diff
	go test . -run TestDocumentedAPIStays -update
	go test ./tui ./internal/cli ./runtime/config ./runtime/control/problems -update

bench: # measure beside nginx, HAProxy and Caddy, and write docs/bench.md (Linux; takes minutes)
	go run ./internal/bench $(BENCHFLAGS)

torture: # try for TIME (1m) to make a change drop a request; TORTUREFLAGS=-kills and others (Linux)
	go run ./internal/torture -time $(TIME) $(TORTUREFLAGS)

steering: # measure how each steering rule spreads connections and delays; see docs/steering.md
	STEERING=1 go test -count=1 -v -run '^TestMeasureSteering$$' ./runtime

micro: # run every Go benchmark once
	go test -run '^$$' -bench . -benchmem ./...

h2spec: # run h2spec against HTTP/2 over TLS and in cleartext; builds it in a temporary directory
	@set -e; bin=$$(mktemp -d); trap 'rm -rf "$$bin"' EXIT; \
		GOBIN=$$bin go install github.com/summerwind/h2spec/cmd/h2spec@$(H2SPEC); \
		H2SPEC=$$bin/h2spec go test -count=1 -v -run '^TestH2spec$$' ./listener

cross: # build for every supported platform
	@set -e; for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		echo "building $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go build -o /dev/null ./...; \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go vet ./...; \
	done

judge: # compare mounted handlers with net/http on every protocol, race detector on
	cd internal/judge && go test -race -parallel 8 -timeout 5m ./...

prove: ## long-running checks: default timeouts, 1 GB uploads, torture, h2spec, fuzzing (half an hour)
	@echo "== 1 of 5: with default timeouts, active connections live and inactive ones are closed"
	cd internal/judge && JUDGE_LONG=1 go test -count=1 -v -timeout 10m -run '^TestWhat|^TestWho' .
	@echo "== 2 of 5: mounted handlers as under net/http, with uploads of 1 GB"
	cd internal/judge && JUDGE_UPLOAD=1024 go test -count=1 -timeout 30m -run '^TestMount' .
	@echo "== 3 of 5: torture"
	@$(MAKE) --no-print-directory torture
	@echo "== 4 of 5: h2spec"
	@$(MAKE) --no-print-directory h2spec
	@echo "== 5 of 5: fuzz"
	@$(MAKE) --no-print-directory fuzz

check: lint cross test judge ## what CI runs

clean: ## remove built files
	rm -rf bin dist
