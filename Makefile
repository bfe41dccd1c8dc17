# One target per check; `make help` lists them. CI runs the same ones (.ci/run).

CARGO ?= cargo
FUZZ_SECONDS ?= 30
VARIANT ?= bridge
SEEDS ?= 1 2 3
ROUNDS ?= 20
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help demo test properties lab-loop lab-random fmt clippy doc deny fuzz bench detection bench-audit bench-live mutants ci

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

demo: ## Build, run the recorded cluster of examples/shop, leave the results in out/
	@scripts/demo

# The cases of properties are drawn from one seed: whoever runs the tests of a commit sees the same. `make properties` draws new ones.
test: export PROPTEST_RNG_SEED ?= 1
test: ## Run all tests
	@scripts/need rust cc libpcap dot
	$(CARGO) test --workspace --locked

properties: ## Hold every property against new cases, ROUNDS times
	@scripts/need rust cc libpcap
	scripts/properties $(ROUNDS)

lab-loop: ## As root: the closed loop in a real cluster, VARIANT=bridge, dual or vxlan
	@scripts/need rust cc libpcap lab
	$(CARGO) build --locked
	tests/lab/lab loop $(VARIANT) --flowfence target/debug/flowfence --out out/loop

lab-random: ## As root: random clusters, SEEDS="1 2 3"
	@scripts/need rust cc libpcap lab
	$(CARGO) build --locked
	tests/lab/lab random $(SEEDS) --flowfence target/debug/flowfence --out out/random

fmt: ## Check the formatting
	@scripts/need rust rustfmt
	$(CARGO) fmt --all --check

clippy: ## Check the lints of all targets
	@scripts/need rust clippy cc libpcap
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc: ## Build the documentation, refusing broken links
	@scripts/need rust cc libpcap
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

deny: ## Check licences, sources, duplicates and advisories of all dependencies
	@scripts/need rust cc libpcap
	scripts/deny

fuzz: ## Run every fuzz target for FUZZ_SECONDS
	@scripts/need rust cc libpcap
	fuzz/run $(FUZZ_SECONDS)

bench: ## Measure reading and the flow table
	@scripts/need rust cc libpcap
	$(CARGO) bench --workspace --locked

detection: ## Let intruders into made-up clusters and write docs/detection.md: what was found, and what in vain
	@scripts/need rust cc libpcap
	$(CARGO) test --locked --test detection -- --ignored --nocapture write_the_page

bench-audit: ## Measure audit of 10,000 workloads and 100,000 edges
	@scripts/bench-audit

bench-live: ## Measure live capture against tcpdump, on a cable between two network namespaces (root)
	@scripts/bench-live

mutants: ## Change the code in many places and see which changes no test notices (hours)
	@scripts/need rust cc libpcap
	scripts/mutants

ci: ## Everything that CI runs, with the seconds that each stage took
	.ci/run
