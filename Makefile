# One command each. Every target does its own set-up: a virtual environment in .venv, made anew
# when pyproject.toml or constraints.txt changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?=
PYTEST ?= -n 2 --dist loadgroup

.PHONY: demo test lint types contracts check bench setup clean

demo: $(VENV)/ready
	@exec $(BIN)/benchling-connector demo --data-dir ./demo-data $(DEMO)

test: $(VENV)/ready
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

contracts: $(VENV)/ready
	$(BIN)/lint-imports

check: lint types contracts test

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks.main_job

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) (once, about two minutes) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev -e '.[demo]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
