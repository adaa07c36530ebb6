# One task runner for people, hooks and CI. Needs Python >= 3.11 and nothing else of ours.
PYTHON ?= python3
TOOLS  := .tools
UV     := $(TOOLS)/bin/uv
RUN    := .venv/bin

.PHONY: help setup demo test lint fix docs bench check clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Konan needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet 'uv>=0.13,<0.14'

setup: $(UV)  ## make the environment of the lock file in .venv
	$(UV) sync --quiet --frozen --compile-bytecode --no-python-downloads --python $(PYTHON)

demo: setup  ## the main job on real data: train, deploy, call, look at the log
	$(RUN)/konan demo

test: setup  ## the tests; quick ones for people, all of them when CI is set
	$(RUN)/python -m pytest $(if $(CI),,-m "not slow and not peers and not programs") $(ARGS)

test-all: setup  ## all tests, with the slow ones and those against third-party programs
	$(RUN)/python -m pytest $(ARGS)

lint: setup  ## format, rules, types and the direction of imports
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

fix: setup  ## mend what can be mended by itself
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: setup  ## write the generated reference pages and contracts again
	$(RUN)/python -m konan.cli.reference

bench: setup  ## measure against peers, each in an environment of its own (takes long)
	$(RUN)/python -m benchmarks.serving $(ARGS)

check: lint test  ## what must pass before a change lands

clean:  ## remove what these targets made
	rm -rf .venv $(TOOLS) .mypy_cache .ruff_cache .hypothesis
