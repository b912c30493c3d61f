# Telecardio: `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The virtual environment knows what it holds by these two stamps.
RUNTIME := $(VENV)/runtime.stamp
EVERYTHING := $(VENV)/everything.stamp
TELECARDIO_DATA ?= ../shared/data

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-fast lint format train evaluate bench soak lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	  v in ((3, 11), (3, 12)) or sys.exit("Telecardio needs Python 3.11 or 3.12; this is %d.%d. Try: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m inference.warm_up
	@touch $@

$(EVERYTHING): requirements-dev.txt $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(RUNTIME) ## Install what the server needs into .venv

demo: $(RUNTIME) ## Run everything here with 8 simulated patients (ARGS="--host 0.0.0.0")
	$(BIN)/python manage.py demo $(ARGS)

dev: $(EVERYTHING) ## As demo, and reload when a file changes
	$(BIN)/python manage.py demo --reload $(ARGS)

test: $(EVERYTHING) ## Run all tests (ARGS="-k wall")
	TELECARDIO_DATA=$(TELECARDIO_DATA) $(BIN)/python -m pytest $(ARGS)

test-fast: $(EVERYTHING) ## Run the tests that are not marked slow
	TELECARDIO_DATA=$(TELECARDIO_DATA) $(BIN)/python -m pytest -m "not slow" $(ARGS)

lint: $(EVERYTHING) ## Check style, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy patients devices inference telecardio

format: $(EVERYTHING) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# In this order: the beat nets take irregularity as a feature, and the last two learn
# from beats that the new nets find and classify.
train: $(EVERYTHING) ## Train all that the analysis has learned (hours; DS2 stays shut)
	$(BIN)/python -m ml.r_peak_train --data $(TELECARDIO_DATA)
	$(BIN)/python -m ml.quality --data $(TELECARDIO_DATA) --write
	$(BIN)/python -m ml.irregular --data $(TELECARDIO_DATA) --write
	$(BIN)/python -m ml.atrial --data $(TELECARDIO_DATA) --write
	$(BIN)/python -m ml.train --data $(TELECARDIO_DATA) --unseen
	$(BIN)/python -m ml.af --data $(TELECARDIO_DATA) --write
	$(BIN)/python -m ml.rhythm --data $(TELECARDIO_DATA) --write

evaluate: $(EVERYTHING) ## Print the figures of the released analysis as JSON
	$(BIN)/python -m ml.evaluate --data $(TELECARDIO_DATA) --json $(ARGS)

bench: $(EVERYTHING) ## Measure codec, analysis, ingest, labels, storage, bytes, live load and the main job, as JSON
	$(BIN)/python -m bench.codec --data $(TELECARDIO_DATA) --json
	$(BIN)/python -m bench.analysis --data $(TELECARDIO_DATA) --json
	$(BIN)/python -m bench.ingest --data $(TELECARDIO_DATA) --json
	$(BIN)/python -m bench.labels --data $(TELECARDIO_DATA) --json --records 200 --seconds 20
	$(BIN)/python -m bench.storage --data $(TELECARDIO_DATA) --json
	$(BIN)/python -m bench.footprint --data $(TELECARDIO_DATA) --json
	$(BIN)/python -m bench.live --data $(TELECARDIO_DATA) --devices 100 --seconds 60 --json
	$(BIN)/python manage.py demo --seconds 60 --json

soak: $(EVERYTHING) ## Break everything for 30 min; nothing may be lost (ARGS="--seconds 7200")
	$(BIN)/python -m bench.chaos --seconds 1800 --devices 16 --json $(ARGS)

lock: ## Compile the lock files from pyproject.toml (needs uv)
	uv pip compile -q --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.txt
	uv pip compile -q --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header --all-extras -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## Remove the virtual environment (var/, the data, stays)
	rm -rf $(VENV)
