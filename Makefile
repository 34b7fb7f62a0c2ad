# Every target is a line or two; what needs more lives where its subject lives.
PYTHON ?= python3
BIN = .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:        ## this list
	@grep -E '^[a-z]+: .*##' Makefile | sed 's/:.*##/\t/'

demo: .venv/runtime  ## everything at once on this machine, with sample mails; Ctrl-C ends it
	@$(BIN)/python -m demo

test: .venv/dev node_modules  ## every test; installs what is missing
	$(BIN)/python tests/browser/install.py
	$(BIN)/node --test "tests/js/*.test.js"
	$(BIN)/python -m pytest -n 2 --dist loadfile

serve: .venv/runtime  ## the key server with the settings of the environment
	$(BIN)/sealpost run

lint: .venv/dev node_modules  ## ruff, mypy, catalogs
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy

assets: node_modules  ## static/js and static/css -> static/dist
	$(BIN)/node static/build.js

translations: .venv/dev  ## messages.pot and the catalogs from the sources
	$(BIN)/pybabel -q extract -F pyproject.toml --project Sealpost --copyright-holder Sealpost --no-wrap --sort-by-file --add-location=file -o translations/messages.pot .
	$(BIN)/pybabel -q update --no-wrap --no-fuzzy-matching --ignore-obsolete -i translations/messages.pot -d translations

bench: .venv/dev  ## what is measured, against what, as ratios
	$(BIN)/python -m bench

lock: .venv/dev  ## the exact set of packages, with hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements-dev.txt

.venv/runtime: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

node_modules: .venv/dev package-lock.json
	$(BIN)/npm ci --silent
	@touch $@

.PHONY: help demo test serve lint assets translations bench lock
