# One virtual environment, made once and again only when what it is made of has changed.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help demo test check matrix soak clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED)  ## go the whole path on real pictures of solar cells
	$(BIN)/midrib demo cells

test: $(INSTALLED)  ## run the tests that take minutes in all
	$(BIN)/python -m pytest -m "not soak" --numprocesses logical --maxprocesses 8 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

soak: $(INSTALLED)  ## run the tests that take longer
	$(BIN)/python -m pytest -m soak

matrix: $(INSTALLED)  ## build, train, export and compare one backbone of each family
	$(BIN)/python -m benchmarks.matrix --quick --strict

check: $(INSTALLED)  ## style, types and who may import whom
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "midrib: $$($(PYTHON) --version) came; expected Python 3.11 to 3.13; run make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || \
	  { echo "midrib: Python cannot make a virtual environment; run: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[lab,dev]'
	@touch $@

clean:  ## remove the virtual environment
	rm -rf .venv
