# The two commands of the README are `make demo` and `make test`. Both set up what they need and
# say what they skip. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The weights that tests, demo and benchmarks use. Name another GGUF file here to fetch nothing:
#   make test ROLLOUT_MODEL=/path/to/weights.gguf
fetched := $(CURDIR)/.models/SmolLM2-135M-Instruct.Q4_1.gguf
export ROLLOUT_MODEL ?= $(fetched)

# The Python that the end-to-end test starts its OpenAI client with.
export ROLLOUT_PYTHON ?= $(CURDIR)/.venv/bin/python

# The tests whose names match, for example: make test FILTER=Tidy
FILTER ?=

# How long `make fuzz` tries.
FUZZ_SECONDS ?= 600

# How many inputs `make fuzz-policies` tries, from which seed on.
INPUTS ?= 10000000
SEED ?= 1

# How often `make crash-loop` kills the service.
ROUNDS ?= 200

# How many outcomes `make bench-store` stores.
OUTCOMES ?= 10000000
# How many recorded requests `make bench-backtest` runs.
REQUESTS ?= 1000000
# How many seeds `make simulate` tries.
SEEDS ?= 10000

# What `make demo` plays: shadow, canary, split, bandit, interleave or shootout.
STRATEGY ?= shadow

# The arguments of `make run`.
ARGS ?= --help

swift_sources := Package.swift Sources Tests

.PHONY: help demo review test build run check format bench bench-engine bench-gateway bench-store \
  bench-backtest bench-decisions simulate model-check sanitize tsan crash-loop neon fuzz \
  fuzz-policies model setup clean

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## /\1\t/' \
	  | awk -F '\t' '{ printf "  make %-16s %s\n", $$1, $$2 }'

review: setup model  ## A change to a policy: check, plan, backtest, apply, with a real service
	@swift build -c release --product rollout
	@scripts/review.sh

demo: setup model  ## Play a strategy on this machine, with real weights (STRATEGY=bandit)
	@scripts/demo.sh --check '$(STRATEGY)'
	@swift build -c release --product rollout
	@scripts/demo.sh '$(STRATEGY)'

test: setup model  ## Build everything and run every test (FILTER='…' for some)
	@scripts/setup.sh python
	@swift build --build-tests
	@# One after the other: some time real sockets, and a busy machine would make them lie.
	@swift test --skip-build --no-parallel $(if $(FILTER),--filter '$(FILTER)')

build: setup  ## Build the program, optimised: .build/release/rollout
	@swift build -c release --product rollout

run: build  ## Run the program: make run ARGS='check policies/'
	@.build/release/rollout $(ARGS)

# An import that the layering table in Package.swift does not have is an error in a build that
# checks imports; TidyTests see the rest: file sizes, bans, policies, fixtures.
check: setup  ## Format, layering, tidiness, shell scripts, policies
	@scripts/setup.sh package shellcheck
	@swift format lint --strict --recursive $(swift_sources)
	@shellcheck .ci/run scripts/*.sh
	@swift build --build-tests --explicit-target-dependency-import-check error
	@swift test --skip-build --filter '^TidyTests\.'
	@.build/debug/rollout check policies/

format:  ## Format the Swift files
	@swift format format --in-place --recursive $(swift_sources)

bench: bench-engine bench-gateway  ## Measure both: what bench-engine and bench-gateway do

bench-engine: build model  ## Measure the engine beside llama.cpp (BENCH='--quick' for less)
	@scripts/setup.sh bench
	@.bench/venv/bin/python scripts/bench/engine.py --ours .build/release/rollout \
	  --weights '$(ROLLOUT_MODEL)' --scratch .bench $(BENCH)

bench-gateway: build  ## Measure the gateway beside nginx
	@scripts/setup.sh bench
	@.bench/venv/bin/python scripts/bench/gateway.py \
	  --ours .build/release/rollout --nginx .bench/nginx/usr/sbin/nginx --scratch .bench

bench-store: build  ## Measure the evidence store with ten million outcomes (OUTCOMES=… for fewer)
	@.build/release/rollout bench store --outcomes $(OUTCOMES)
bench-backtest: build  ## Time a backtest of a million recorded requests (REQUESTS=… for fewer)
	@.build/release/rollout bench backtest --requests $(REQUESTS)
bench-decisions: build  ## Count wrong and late decisions, ours and others' (BENCH="--runs 100")
	@.build/release/rollout bench decisions --write fixtures/benchmarks/decisions.json $(BENCH)

simulate: build  ## Race promotion, rollback and apply in a simulated world (SEEDS=10000)
	@.build/release/rollout simulate --race --runs $(SEEDS)

model-check:  ## Visit every state of the model of the controller with spin
	@scripts/setup.sh package spin
	@scripts/model_check.sh

sanitize: setup model  ## Run the engine's tests under AddressSanitizer (FILTER='…' for some)
	@scripts/sanitize.sh $(if $(FILTER),'$(FILTER)')

neon:  ## Compare the arm64 kernels with the scalar ones, under an emulator
	@scripts/arm64.sh
tsan: setup model  ## Run the unit tests under ThreadSanitizer (FILTER='…' for some)
	@scripts/setup.sh python
	@scripts/tsan.sh $(if $(FILTER),'$(FILTER)')

crash-loop: setup  ## Kill the service ROUNDS=200 times under load and look for what it forgot
	@swift build --product rollout
	@python3 scripts/crash_loop.py --rollout .build/debug/rollout --rounds $(ROUNDS)

fuzz: setup  ## Feed mutated weight files to their readers (FUZZ_SECONDS=600)
	@scripts/fuzz.sh $(FUZZ_SECONDS)

# Optimised, apart from the other builds: it needs what only tests can see of the parser.
fuzz-policies: setup  ## Feed mutated policies to their parser (INPUTS=10000000 SEED=1)
	@POLICY_FUZZ_CASES=$(INPUTS) POLICY_FUZZ_SEED=$(SEED) swift test -c release \
	  --scratch-path .build-fuzz-policies -Xswiftc -enable-testing \
	  --filter '^PolicyLanguageTests.PolicyFuzzTests'

model: setup  ## Fetch the weights into .models/
	@if [ '$(ROLLOUT_MODEL)' = '$(fetched)' ]; then scripts/setup.sh model; \
	  elif [ -f '$(ROLLOUT_MODEL)' ]; then echo 'setup: using $(ROLLOUT_MODEL)'; \
	  else echo 'setup: no such file: $(ROLLOUT_MODEL)' >&2; exit 1; fi

setup:
	@scripts/setup.sh system

clean:  ## Remove what was built; the weights in .models/ stay
	@rm -rf .build .build-fuzz .build-fuzz-policies .build-sanitize .build-tsan .venv .bench .rollout
