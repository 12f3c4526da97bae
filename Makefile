# Each target sets up what it needs in .venv, on a fresh machine too.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -q -n auto

TESTS := test-numpy test-jax test-tensorflow test-torch
EXPORTS := test-exports-jax test-exports-tensorflow test-exports-torch
MODELS := test-models-small test-models

.PHONY: help setup demo test $(TESTS) test-python $(EXPORTS) test-exports $(MODELS) site serve test-site screenshots lint format mutation pictures bench clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## What there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

.venv/demo: pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-dev.txt -e '.[cli,keras,plot]'
	@touch $@

.venv/development: pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -e .
	@touch $@ .venv/demo .venv/light

# Without the frameworks that a new Python waits for longest.
.venv/light: pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-dev.txt -e '.[test,keras,plot]'
	@touch $@

setup: .venv/development ## All that development needs, in .venv

demo: .venv/demo ## A real network audited, folded, repadded, timed; every padding, one picture
	$(BIN)/convpad demo --force

# One process per backend, so that none sees another's framework; the first has no framework at all. Real models have one, too.
test: $(TESTS) test-models-small ## Every test, one process per backend; each alone: make test-jax

$(TESTS): test-%: .venv/development
	CONVPAD_BACKENDS=$* KERAS_BACKEND=$* $(PYTEST) tests

test-python: .venv/light ## The tests that need no PyTorch and no TensorFlow: for other Pythons, with PYTHON=python3.14
	CONVPAD_BACKENDS=numpy KERAS_BACKEND=numpy $(PYTEST) tests
	CONVPAD_BACKENDS=jax KERAS_BACKEND=jax $(PYTEST) tests

# PyTorch to LiteRT lies in a folder of its own: see requirements-litert.txt.
.venv/exports: .venv/development requirements-exports.txt requirements-litert.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-dev.txt -r requirements-exports.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps --target .venv/litert -r requirements-litert.txt
	@touch $@

test-exports: $(EXPORTS) ## Every export in its own runtime; every cell: CONVPAD_EXPORTS=full make test-exports

$(EXPORTS): test-exports-%: .venv/exports
	PYTHONPATH=$(if $(filter torch,$*),.venv/litert) CONVPAD_EXPORTS=$${CONVPAD_EXPORTS:-covering} \
		CONVPAD_BACKENDS=$* KERAS_BACKEND=$* $(PYTEST) tests/exports

# Real architectures lie in a folder of their own, too: see requirements-models.txt.
.venv/models/installed: .venv/development requirements-models.txt
	rm -rf .venv/models
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .venv/models -r requirements-models.txt
	@touch $@

test-models: ## Every real model: timm, diffusers, MONAI, ...; make test has a small one of each kind
test-models-small: # A small one of each kind

$(MODELS): .venv/models/installed
	PYTHONPATH=.venv/models CONVPAD_MODELS=$(if $(filter %-small,$@),small,all) \
		CONVPAD_BACKENDS=torch KERAS_BACKEND=torch $(PYTEST) tests/realmodels

.venv/site: .venv/development requirements-site.txt site/package-lock.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-dev.txt -r requirements-site.txt
	npm ci --prefix site --no-audit --no-fund --silent
	@touch $@

site: .venv/site ## The documentation and the live page, into site/out; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python site/build.py

serve: site ## Shows the site on http://localhost:8000
	$(BIN)/python -m http.server --directory site/out 8000

test-site: site ## The live page in Chromium: apt-get install chromium
	CONVPAD_BACKENDS=numpy KERAS_BACKEND=numpy $(BIN)/python -m pytest -q tests/site

screenshots: .venv/site ## Takes the pictures of the live page again, with Chromium
	CONVPAD_SCREENSHOTS=docs/images CONVPAD_BACKENDS=numpy KERAS_BACKEND=numpy $(BIN)/python -m pytest -q tests/site -k screenshots

lint: .venv/development ## ruff, pyright (strict on the core), import order
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache

format: .venv/development ## Formats and mends what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

mutation: .venv/development ## Changes the core and looks whether a test notices
	CONVPAD_BACKENDS=numpy $(BIN)/mutmut run
	$(BIN)/mutmut results

pictures: .venv/development ## Draws the pictures of the documentation again
	$(BIN)/python -m docs.pictures

bench: .venv/development ## Every figure: layers (compiled too), across frameworks, modules, networks, startup, memory, scale; some hours
	$(BIN)/python -m benchmarks all

clean: ## Everything that was made
	rm -rf .venv mutants convpad-demo.png
