# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
ARGS ?=
DOSE ?= 10

PYTHON := $(shell command -v python3.11 || command -v python3)
UV := .bootstrap/bin/uv
BIN := .venv/bin
READY := .venv/.ready
export VIRTUAL_ENV := $(CURDIR)/.venv
# Big wheels on a slow line take longer than uv's 30 seconds.
export UV_HTTP_TIMEOUT := 300
# Python keeps what it has compiled, whatever the environment says: each of the hundred processes of a test run would
# compile its imports again, PyTorch's alone 10 seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(UV): bootstrap.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing; next step: sudo apt install python3.11 python3.11-venv"; exit 1; }
	@$(PYTHON) -m venv .bootstrap || { echo "Python's venv module is missing; next step: sudo apt install python3-venv"; exit 1; }
	@.bootstrap/bin/python -m pip install --quiet --require-hashes -r bootstrap.lock
	@touch $@

$(READY): $(UV) requirements.lock pyproject.toml
	@echo "Making the environment in .venv (first time: about 8 GB on disk, some minutes)"
	@test -x $(BIN)/python || $(UV) venv --quiet --python "$(PYTHON)" .venv
	@$(UV) pip sync --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --editable .
	@touch $@

.PHONY: env
env: $(READY) ## The locked environment in .venv

.PHONY: demo
demo: $(READY) ## The main job end to end on real parts; ARGS=--exit leaves afterwards
	@$(BIN)/segue demo $(ARGS)

.PHONY: test
test: $(READY) ## Every test but those that only `make faults` runs; FAST=1 leaves out these, other JVMs and the browser
	@$(BIN)/pytest --numprocesses 3 -m "not long$(if $(FAST), and not stack and not jvm)" $(if $(FAST),--ignore tests/browser) --dist loadgroup \
		--no-loadscope-reorder --durations 10 --durations-min 1 $(ARGS)

.PHONY: faults
faults: $(READY) ## The faults of tests/faults at DOSE=10 times their short form; writes docs/faults.md from what it saw
	@mkdir -p build && rm -f build/faults.jsonl
	@$(BIN)/pytest tests/faults --dose $(DOSE) --figures build/faults.jsonl --durations 10 $(ARGS); ended=$$?; \
		$(BIN)/python -m tests.faults.report build/faults.jsonl > build/faults.md && mv build/faults.md docs/faults.md; exit $$ended

.PHONY: check
check: $(READY) ## Everything static: lint, types, import arrows, contracts, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code --path proto/segue
	$(BIN)/buf breaking --against proto/released.binpb
	@proto/generate.sh && git diff --exit-code --stat -- proto || { echo "stubs differ from the contracts; commit what 'make proto' makes"; exit 1; }
	@$(BIN)/python -m streaming.dictionary | diff - docs/data-dictionary.md || { echo "stale; next step: make docs"; exit 1; }
	@$(BIN)/python -m backend.settings_reference | diff - segue.example.toml || { echo "stale; next step: make docs"; exit 1; }

.PHONY: format
format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/buf format -w --path proto/segue

.PHONY: proto
proto: $(READY) ## Make the stubs again from the contracts
	@proto/generate.sh

.PHONY: docs
docs: $(READY) ## Make the generated documents again: data dictionary, settings reference
	@$(BIN)/python -m streaming.dictionary > docs/data-dictionary.md
	@$(BIN)/python -m backend.settings_reference > segue.example.toml

# What is locked stays as it is where it still fits; `make lock UPGRADE=1` takes the newest of everything.
.PHONY: lock
lock: $(UV) ## Lock what pyproject.toml asks for
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--all-extras --group dev --no-emit-package segue $(if $(UPGRADE),--upgrade) -o requirements.lock pyproject.toml

.PHONY: clean
clean: ## Remove what Segue kept on this machine in .segue (plays, models, tables)
	rm -rf .segue .segue-*
