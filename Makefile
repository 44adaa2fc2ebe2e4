# Everything here sets up what it needs: a fresh clone needs Python 3.11 or newer, git and make, nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup up deploy test check format lock browser test-slow test-containers images bench bench-quick bench-video bench-batch bench-page soak loadtest \
        load-report load-check load-soak clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check install --require-virtualenv
LOCK   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-header pyproject.toml

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: $(VENV)/.runtime  ## serve the API on port 8000 and the web app on port 8501; others: make up PORT=8080 UI_PORT=8081 MODEL=my-model
	@exec $(BIN)/sightserve up $(if $(PORT),--port $(PORT)) $(if $(UI_PORT),--ui-port $(UI_PORT)) $(if $(MODEL),--model "$(MODEL)")

setup: $(VENV)/.runtime  ## only the environment: .venv/bin/sightserve exists afterwards

test: $(VENV)/.dev browser check  ## everything that must pass, a real browser included
	@tools/install_foreign_models.sh $(BIN)/python
	@$(BIN)/python -m pytest

check: $(VENV)/.dev  ## format, lint, types, imports
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>&1 | tail -n 12; $(BIN)/lint-imports --no-logo >/dev/null

format: $(VENV)/.dev  ## rewrite the code in the project's format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lock: $(VENV)/.dev  ## compile the lock files anew from pyproject.toml
	@$(LOCK) --upgrade --extra backend --extra frontend --extra video --extra gcp --extra loadtest --extra otel --extra model --extra batch --extra s3 --extra ray --extra train --extra feedback --extra dev \
	  -o requirements/dev.txt
	@$(filter-out pyproject.toml,$(LOCK)) --upgrade --group build -o requirements/build.txt
	@$(filter-out pyproject.toml,$(LOCK)) --upgrade --group sbom -o requirements/sbom.txt
	@$(LOCK) --extra backend --extra otel --extra feedback -c requirements/dev.txt -o requirements/backend.txt
	@$(LOCK) --extra frontend --extra video --extra gcp -c requirements/dev.txt -o requirements/frontend.txt
	@$(LOCK) --extra model --extra train -c requirements/dev.txt -o requirements/model.txt

test-slow: $(VENV)/.dev browser  ## what is too slow for `make test`: each extra alone in its own environment, ... (minutes)
	@tools/install_clients.sh
	@tools/install_postgresql.sh
	@tools/install_foreign_models.sh $(BIN)/python
	@tools/install_torch.sh
	@$(BIN)/python -m pytest -m slow

test-containers: $(VENV)/.dev browser  ## build both images, run them as containers, classify through each (minutes; as root)
	@tools/install_containers.sh
	@$(BIN)/python -m pytest -m containers

images:  ## build both images where there is no Docker (buildah, as root); MODEL=DIR: and one with that model
	@tools/install_containers.sh
	@MODEL="$(MODEL)" containers/build.sh

bench: $(VENV)/.dev  ## measure ours against its peers (half an hour) and write docs/benchmarks.md
	@$(BIN)/python -m bench.run --page docs/benchmarks.md

bench-quick: $(VENV)/.dev  ## measure ours against its own ceiling and one peer (a few minutes), write nothing
	@$(BIN)/python -m bench.run --servers ours,fastapi --cases ceiling,closed,cold --rounds 1 --seconds 4

bench-video: $(VENV)/.dev  ## measure the video side: speed against its parts, memory over length, frame formats (minutes)
	@$(BIN)/python -m bench.video

bench-batch: $(VENV)/.dev  ## measure `sightserve batch` beside Ray Data, a pool of processes and the ceiling (a quarter of an hour)
	@$(BIN)/python -m bench.batch

bench-page: $(VENV)/.dev browser  ## measure the web app beside Gradio's page in a browser, write docs/web-app.md (20 minutes)
	@$(BIN)/python -m bench.page --phone --page docs/web-app.md

SOAK_REQUESTS ?= 100000
SOAK_PREVIEWS ?= 20000

soak: $(VENV)/.dev  ## good photos and hostile input, mixed, on the backend and on the web app's previews (a quarter of an hour)
	@$(BIN)/python -m tests.soak.soak $(SOAK_REQUESTS)
	@$(BIN)/python -m tests.soak.previews $(SOAK_PREVIEWS)

deploy: $(VENV)/.runtime  ## both halves to Cloud Run: make deploy PROJECT=my-project REGION=europe-west1 FLAGS=--dry-run
	@$(BIN)/sightserve deploy cloud-run --project "$(PROJECT)" --region "$(REGION)" $(FLAGS)

loadtest: $(VENV)/.dev  ## load both halves of a running `make up` for half a minute, and write load.html
	@$(BIN)/sightserve loadtest --backend http://127.0.0.1:8000 --frontend http://127.0.0.1:8501 --users 20 \
	  --run-time 30s --p95 2s --failures 1% --report load.html --json load.json

load-report: $(VENV)/.dev  ## ramp both halves until they break, hold 50 visitors, and write docs/load (six minutes)
	@$(BIN)/python -m bench.load report

load-check: $(VENV)/.dev  ## compare the simulation with real loads at 0.3, 0.6 and 0.85 of the capacity (four minutes)
	@$(BIN)/python -m bench.load check

SOAK_MINUTES ?= 30

load-soak: $(VENV)/.dev  ## half an hour of mixed load on both halves, the backend restarted in the middle
	@$(BIN)/python -m bench.load soak --minutes $(SOAK_MINUTES)

browser:
	@tools/install_browser.sh $(BIN)/python

clean:  ## remove the environment and every cache
	@rm -rf $(VENV) .foreign .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist test-artifacts

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Sightserve needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + \
	  ". Name another with: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }

# The stamps hold what was installed: they are older than a changed lock file, and then the install runs again.
$(VENV)/.runtime: requirements/backend.txt requirements/frontend.txt requirements/model.txt pyproject.toml | $(VENV)/bin/python
	@$(PIP) --require-hashes --only-binary :all: -r requirements/backend.txt -r requirements/frontend.txt -r requirements/model.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@$(PIP) --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@
