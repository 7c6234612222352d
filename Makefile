# `make train` and `make test` make the environment first if it is missing.

PYTHON ?= $(shell command -v python3.12 || command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FLAGFILE ?= tools/flagfiles/quickstart.flags

.PHONY: train test lint env clean

train: $(READY)
	$(BIN)/python tools/train.py --flagfile=$(FLAGFILE)

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

env: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
	  { echo "PYTHON must be Python 3.11 or 3.12. Received: PYTHON=$(PYTHON)"; exit 1; }
	@echo "Making the environment in $(VENV) (about 1 GB, a few minutes)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) runs build dist *.egg-info
