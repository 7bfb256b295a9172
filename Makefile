# Two commands matter: `make demo` shows the product, `make test` proves it. Everything else is a part of these.

CARGO ?= cargo
# Real servers and tools for the tests are built once and kept here, outside the source tree.
CACHE ?= $(HOME)/.cache/inferscope
export INFERSCOPE_TEST_CACHE := $(CACHE)

.PHONY: demo test fmt lint unit build e2e deny doc peers

demo: ## Builds Inferscope and shows where the time of real vLLM requests went.
	$(CARGO) run --release --quiet --bin inferscope -- demo

test: fmt lint unit build e2e deny doc ## Everything that CI runs.

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit: ## Unit, property, golden and contract tests, and the house rules (tests/tidy.rs).
	$(CARGO) test --workspace --locked

build: ## The program as it is released.
	$(CARGO) build --release --locked --bin inferscope

e2e: build peers ## The released program against a real Jaeger and real OpenTelemetry SDKs.
	$(CARGO) test --locked --test e2e --features e2e

deny: $(CACHE)/bin/cargo-deny ## Licences, sources and duplicates of dependencies.
	$(CACHE)/bin/cargo-deny --locked check bans licenses sources

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

peers: $(CACHE)/jaeger-1.76.0 $(CACHE)/python/ready ## Real servers and SDKs, from published packages.

$(CACHE)/jaeger-1.76.0: tests/peers/jaeger/go.mod tests/peers/jaeger/go.sum
	mkdir -p $(CACHE)
	cd tests/peers/jaeger && GOFLAGS=-mod=mod go build -trimpath -o $@ github.com/jaegertracing/jaeger/cmd/all-in-one

$(CACHE)/python/ready: tests/peers/python/requirements.txt
	rm -rf $(CACHE)/python
	mkdir -p $(CACHE)
	python3 -m venv $(CACHE)/python
	$(CACHE)/python/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(CACHE)/bin/cargo-deny:
	$(CARGO) install cargo-deny --version 0.20.2 --locked --root $(CACHE)
