# Needs Python 3.11+ with pip, make and git. The first target that needs it makes .venv.
SHELL := bash
.SHELLFLAGS := -e -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
REPRODUCED := _build/reproduced
# A file's tests share what they compute, and a notebook's cells their kernel: so file by file.
IN_PARALLEL ?= --numprocesses auto --maxprocesses 4 --dist loadfile
# Experiments at once, in reproduce: one for each core.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count())')

# Compiled programs are kept: chapters and their tests compile the same ones.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/_build/jax-cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0.3

# On two cores two BLAS threads are hardly faster than one, and beside another busy process they
# wait for each other: four times slower. Benchmarks keep them, for the other packages' sake.
book references check test reproduce: export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help book check test lint bench references reproduce clean clean-all
help:
	@echo "make book        execute the chapters, render the book to _build/html/index.html"
	@echo "make check       lint, types, and the tests that train nothing: a minute"
	@echo "make test        lint, types, unit and property tests, notebooks, book"
	@echo "make reproduce   make the book's records anew, JOBS at once, compare with results/"
	@echo "make bench       time the operators against other packages"
	@echo "make references  execute the chapters and store them as the notebooks that tests check"
	@echo "make clean       remove _build (and .venv with: make clean-all)"

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"koopnb needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[book,test]'
	@touch $@

book: $(STAMP)
	$(BIN)/python -m koopnb book

references: $(STAMP)
	$(BIN)/python -m koopnb book --store

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow" tests

test: $(STAMP) lint book
	$(BIN)/python -m pytest $(IN_PARALLEL) tests koopnb
	$(BIN)/python -m pytest $(IN_PARALLEL) --nbval-lax -vv notebooks

# An interrupted run goes on where it stopped; a complete one begins anew.
reproduce: $(STAMP)
	if [ -e $(REPRODUCED)/complete ]; then rm -r $(REPRODUCED); fi
	$(BIN)/python -m koopnb run all --jobs $(JOBS) --records $(REPRODUCED)
	touch $(REPRODUCED)/complete
	$(BIN)/python -m koopnb check --records $(REPRODUCED)

bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/operators.py

clean:
	rm -rf _build
clean-all: clean
	rm -rf .venv
