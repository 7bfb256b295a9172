# Two commands matter: `make demo` shows the product, `make test` proves it. Everything else is a part of these.

CARGO ?= cargo
PYTHON ?= python3
# Real servers and tools for the tests are built once and kept here, outside the source tree.
CACHE ?= $(HOME)/.cache/inferscope
export INFERSCOPE_TEST_CACHE := $(CACHE)

# Cargo and Go keep all cores busy by themselves, and parts that run side by side would wait for each other's locks.
.NOTPARALLEL:
.PHONY: help demo test fmt lint unit build e2e deny doc peers rust tools

help: ## Lists the targets.
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 8

demo: build ## Builds Inferscope and shows where the time of real vLLM requests went, on a simulated GPU.
	@$(CARGO) run --release --locked --quiet --bin inferscope -- demo --gpus 1

test: tools fmt lint doc deny unit build e2e ## Everything that CI runs.

fmt: rust
	$(CARGO) fmt --all --check

lint: rust
	$(CARGO) clippy --workspace --all-targets --features inferscope/measure --locked -- -D warnings

unit: rust ## Unit, property, golden and contract tests, and the house rules (tests/tidy.rs).
	$(CARGO) test --workspace --locked

build: rust ## The program as it is released, and beside it the library that plays GPUs for the demo.
	$(CARGO) build --release --locked --bin inferscope
	$(CARGO) build --release --locked --package nvml-sim

# The whole workspace again, so that dependencies keep the features that they were built with for `unit`.
e2e: build peers ## The released program against a real Jaeger, Prometheus and Kubernetes API server, and real OpenTelemetry SDKs.
	$(CARGO) test --workspace --locked --features inferscope/e2e --test e2e

deny: $(CACHE)/cargo-deny-0.20.2/bin/cargo-deny ## Licences, sources and duplicates of dependencies.
	$< --locked check bans licenses sources

doc: rust ## The documentation of the code, without warnings.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

peers: $(CACHE)/jaeger-1.76.0 $(CACHE)/prometheus-3.8.1 $(CACHE)/promtool-3.8.1 $(CACHE)/prometheus-2.42.0 $(CACHE)/etcd-3.6.5 $(CACHE)/kube-apiserver-1.36.3 $(CACHE)/python/ready ## Real servers and SDKs, from published packages.

# Each of these replaces its target only when it is complete, so that an interrupted build is begun anew.
$(CACHE)/jaeger-1.76.0: | tools
	mkdir -p $(CACHE)
	cd tests/peers/jaeger && GOFLAGS=-mod=readonly go build -trimpath -o $@.new github.com/jaegertracing/jaeger/cmd/all-in-one
	mv $@.new $@

# The module of Prometheus 3.8.1 has the version 0.308.1, that of 2.42.0 has 0.42.0.
$(CACHE)/prometheus-3.8.1 $(CACHE)/promtool-3.8.1: $(CACHE)/%-3.8.1: | tools
	mkdir -p $(CACHE)
	cd tests/peers/prometheus && GOFLAGS=-mod=readonly go build -trimpath -o $@.new github.com/prometheus/prometheus/cmd/$*
	mv $@.new $@

$(CACHE)/prometheus-2.42.0: | tools
	mkdir -p $(CACHE)
	cd tests/peers/prometheus-2.42 && GOFLAGS=-mod=readonly go build -trimpath -o $@.new github.com/prometheus/prometheus/cmd/prometheus
	mv $@.new $@

$(CACHE)/etcd-3.6.5: | tools
	mkdir -p $(CACHE)
	cd tests/peers/etcd && GOFLAGS=-mod=readonly go build -trimpath -o $@.new go.etcd.io/etcd/server/v3
	mv $@.new $@

# Without its symbols, which are a third of it.
$(CACHE)/kube-apiserver-1.36.3: | tools
	mkdir -p $(CACHE)
	cd tests/peers/kube-apiserver && GOFLAGS=-mod=readonly go build -trimpath -ldflags '-s -w' -o $@.new .
	mv $@.new $@

$(CACHE)/python/ready: tests/peers/python/requirements.txt | tools
	rm -rf $(CACHE)/python
	mkdir -p $(CACHE)
	$(PYTHON) -m venv $(CACHE)/python
	$(CACHE)/python/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(CACHE)/cargo-deny-0.20.2/bin/cargo-deny: | rust
	$(CARGO) install cargo-deny --version 0.20.2 --locked --root $(CACHE)/cargo-deny-0.20.2

rust:
	@CARGO=$(CARGO) PYTHON=$(PYTHON) sh tests/peers/tools.sh rust

tools:
	@CARGO=$(CARGO) PYTHON=$(PYTHON) sh tests/peers/tools.sh rust go python
