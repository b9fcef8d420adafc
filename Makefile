# Everything a newcomer needs: `make run` and `make test`. Both set up what they need.

PYTHON ?= python3
BIN := .venv/bin
USER := .venv/user
DEVELOPER := .venv/developer
MUTATION := .venv/mutation
PIP := $(BIN)/pip --quiet --disable-pip-version-check install

.PHONY: run test lint bench mutants mutation-score picture lock clean

run: $(USER)  ## the simulator
	$(BIN)/quench sim

test: $(DEVELOPER)  ## everything that CI checks
	.ci/browser
	$(BIN)/pytest -n 3 --dist worksteal  # for two cores: who waits for a program leaves its own

lint: $(DEVELOPER)  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEVELOPER)  ## measure, and write docs/benchmarks.md
	$(BIN)/python -m bench

mutants: $(DEVELOPER)  ## slips put into a copy, one at a time: does a test find each?
	$(BIN)/python -m tests.mutants

mutation-score: $(MUTATION)  ## every small change of the core that mutmut can think of
	$(BIN)/python -m tests.mutants.score

picture: $(DEVELOPER)  ## draw the README's picture anew
	.ci/browser
	$(BIN)/python -m docs.picture

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" pyproject.toml

lock: $(DEVELOPER)  ## pin every package anew
	$(COMPILE) --group build --extra tui --output-file requirements.lock
	$(COMPILE) --group build --group dev --output-file requirements-dev.lock
	$(COMPILE) --group mutation --constraints requirements-dev.lock --output-file requirements-mutation.lock
	$(COMPILE) --group build --extra gpio --output-file requirements-gpio.lock

clean:  ## forget what was set up
	rm -rf .venv

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("quench needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

$(USER): requirements.lock pyproject.toml | .venv/bin/pip
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPER): requirements-dev.lock $(USER) | .venv/bin/pip
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(MUTATION): requirements-mutation.lock $(DEVELOPER) | .venv/bin/pip
	$(PIP) --require-hashes -r requirements-mutation.lock
	@touch $@
