# a0run: `make` builds, `make test` proves, `make demo` shows.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
LINT    := go tool -modfile=tools/go.mod golangci-lint
FUZZTIME ?= 60s
KILLS    ?= 1000
CALLS    ?= 2000
SOAK     ?= 24h
LINES    ?= 8

.PHONY: build cross test vet lint tidy demo bench bench-pace torture soak fuzz test-peers clean

build: ## one static binary in bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/a0run ./cmd/a0run

cross: ## the six binaries in dist/
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		os=$${target%/*}; arch=$${target#*/}; ext=; [ $$os = windows ] && ext=.exe; \
		echo "dist/a0run-$$os-$$arch$$ext"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' \
			-o dist/a0run-$$os-$$arch$$ext ./cmd/a0run || exit 1; \
	done

test: build tidy vet lint ## everything, with the race detector
	go test -race -timeout 12m ./...

vet:
	go vet ./...
	CGO_ENABLED=0 GOOS=windows go build -o /dev/null ./cmd/a0run # what is not like Unix breaks first

lint:
	$(LINT) run ./...

tidy:
	go mod tidy -diff

demo: build ## the main job against a rate-limited local tenant, nothing else needed
	./scripts/demo.sh

bench: build ## print the figures of docs/WHY.md; asserts nothing
	go run ./cmd/bench -a0run bin/a0run

bench-pace: build ## the full speed, on real sockets, beside other clients; writes the table and chart of docs/pace.md (7 minutes)
	go run ./cmd/bench -a0run bin/a0run -only pace -docs docs

torture: ## KILLS kills (kill -9) of runs of CALLS calls, resumed (A0RUN_SEED=… repeats what failed), and random programs
	A0RUN_PROGRAMS=400 go test -count=1 -timeout 2h -run 'Resume|Random|OneAndMany' ./engine/durable -rapid.checks=400
	A0RUN_LIMITERS=500 go test -count=1 -timeout 2h -v -run 'Honest|Share|Reserve|Change|Groups|Cells' ./client/pace
	A0RUN_USERS=25000 go test -count=1 -timeout 1h -v -run TestCircleOfUsers ./client
	A0RUN_SIM_KILLS=50 go test -count=1 -v -timeout 1h -run "^TestKilled$$" ./client/sim
	A0RUN_TORTURE=$(KILLS) A0RUN_CALLS=$(CALLS) go test -count=1 -v -timeout 6h -run '^TestKills$$' ./cmd/a0run

soak: ## a day of schedules in virtual time with faults; 50 schedules a second under kills; cron lines over 30 zones and 40 years (A0RUN_SEED=… repeats what failed)
	A0RUN_SOAK=$(SOAK) go test -count=1 -v -timeout 2h -run '^TestSoak$$' ./engine/serve
	A0RUN_SECONDS=120 go test -count=1 -v -timeout 2h -run '^TestKilledAtAnyMoment$$' ./engine/serve
	A0RUN_SERVE_KILLS=50 go test -count=1 -v -timeout 2h -run '^TestServeKilled$$' ./cmd/a0run
	A0RUN_CRON=$(LINES) go test -count=1 -v -timeout 4h -run '^TestLinesAgainstModel$$' ./engine/cron
	go test -count=1 -run '^TestDecideLosesNothing$$' ./engine/cron -rapid.checks=50000

fuzz: ## every fuzz target for FUZZTIME
	@go list ./... | while read -r pkg; do \
		go test -list '^Fuzz' $$pkg | grep '^Fuzz' | while read -r target; do \
			echo "== $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg </dev/null || exit 1; \
		done || exit 1; \
	done

test-peers: build ## Auth0's own SDK for Node and its deploy-cli against the local tenant; needs node, npm and a registry (10 minutes)
	./scripts/peers/run.sh bin/a0run

clean:
	rm -rf bin dist
