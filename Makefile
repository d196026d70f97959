# SPDX-License-Identifier: Apache-2.0
# `make help` lists what stands here.

VENV ?= .venv
BIN := $(VENV)/bin
# One more than cores, for tests wait too; beyond four they wait for the one PostgreSQL.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n < 4 ? n + 1 : 4)))
T ?= tests
PROBE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c '$(PROBE)' >/dev/null 2>&1 && { echo $$p; break; }; done)
# What is installed is remembered by the stamp of its lock: development has everything that running has.
DEV := $(VENV)/.dev
SERVER := $(VENV)/.server
RUNNING := $(if $(wildcard $(DEV)),$(DEV),$(SERVER))
# Databases of tests live in memory where the machine has such a place: a test waits for no disk.
MEMORY := $(firstword $(wildcard /dev/shm) $(TMPDIR) /tmp)
# What must go on working where addresses are sealed.
SEALED_CORE := tests/storage tests/actions/test_accept.py tests/actions/test_issue.py tests/actions/test_members.py
PYTEST := TMPDIR=$(MEMORY) $(BIN)/python -m pytest
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --exclude-newer "14 days" pyproject.toml --extra server --extra scim --extra events \
	--group build

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check format fmt lint types layers docs traceability races bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV) ## make .venv with everything for development, from the hash-locked requirements

demo: $(RUNNING) ## run Vestibule on SQLite with a seeded tenant and a development mailbox
	$(BIN)/vestibule demo $(ARGS)

check: ## everything that CI runs: format, lint, types, and the tests, those of layers and documents among them
	@$(MAKE) --no-print-directory format
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory test

test: $(DEV) ## run every test, on SQLite and a PostgreSQL of its own (T=path; SEALED=1 seals addresses)
	$(if $(SEALED),VESTIBULE_TEST_SEALED=1) $(PYTEST) -n $(WORKERS) -m "not slow" $(T)

format: $(DEV) ## fail when a file is not formatted
	$(BIN)/ruff format --check .

fmt: $(DEV) ## format every file and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lint: $(DEV) ## check the rules of pyproject.toml
	$(BIN)/ruff check .

types: $(DEV) ## check types, strictly
	$(BIN)/mypy

layers: $(DEV) ## check the direction of imports and the rules of the house
	$(PYTEST) -q tests/architecture

docs: $(DEV) ## check that documents say what the code does
	$(PYTEST) -q tests/docs
	$(BIN)/python scripts/traceability.py --check

traceability: $(DEV) ## write docs/traceability.md from the tests
	$(BIN)/python scripts/traceability.py

races: $(DEV) ## run the races and other long proofs many times (ROUNDS=500)
	ROUNDS=$(or $(ROUNDS),500) EXAMPLES=$(or $(EXAMPLES),2000) \
		$(PYTEST) -n $(WORKERS) --timeout 1800 -m slow $(T) || [ $$? -eq 5 ]
	@$(MAKE) --no-print-directory test SEALED=1 T="$(SEALED_CORE)"
	if [ -d tests/races ]; then ROUNDS=$(or $(ROUNDS),500) $(PYTEST) --timeout 1800 tests/races; fi

bench: $(DEV) ## measure against pgbench on a PostgreSQL of its own
	$(BIN)/python -m bench $(ARGS)

lock: $(DEV) ## resolve the requirements anew, nothing younger than 14 days, no host names
	$(COMPILE) -o requirements/server.lock
	$(COMPILE) --extra kms --extra pkcs11 --extra timestamps --group test --group lint --group tools -o requirements/dev.lock

clean: ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov

$(DEV): requirements/dev.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(SERVER): requirements/server.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/server.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; name it: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
