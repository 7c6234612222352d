# Every target but `clean` makes the environment first if it is missing.

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# The first that runs and is supported: a version manager may have a name without a Python behind.
PYTHON ?= $(shell for python in python3.12 python3.13 python3.11 python3; do \
  $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FLAGFILE ?= tools/flagfiles/quickstart.flags

.PHONY: train test test-all lint env clean

train: $(READY)
	$(BIN)/python tools/train.py --flagfile=$(FLAGFILE)

test: $(READY)
	$(BIN)/python -m pytest -m "not slow"

test-all: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

env: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' || \
	  { echo "PYTHON must be a Python 3.11, 3.12 or 3.13. Received: PYTHON=$(PYTHON)"; exit 1; }
	@echo "Making the environment in $(VENV) (about 1 GB, a few minutes)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) runs build dist *.egg-info
