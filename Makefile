# Two commands on a machine with Python >= 3.11, make and a package index:
#
#   make demo     install into .venv, then run the whole road on the photographs that come with the demo packages
#   make test     install what the tests need, then run them
#
# Nothing here needs an activated environment. Variables:
#
#   PYTHON=python3.12              the interpreter that .venv is made with
#   TORCH_INDEX=https://...        take torch and torchvision from this index (a CPU or another CUDA build)
#   PYTEST_ARGS="-k images -x"     passed to pytest
#   WORKERS=4                      how many processes run the tests (2), of 6 GB each; 0 for none beside the first

SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
PYTEST_ARGS ?=
WORKERS ?= 2
# One thread for each process and its children: together they keep the cores busy. tests/conftest.py says what stays
# together, and in which order.
PARALLEL := --numprocesses=$(WORKERS) --no-loadscope-reorder
BIN := $(VENV)/bin
SOURCES := memfeat tests analyses docs
OLDEST := .venv-oldest

.PHONY: help demo test test-notebooks check format docs package test-oldest calibrate bench notebooks clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'Other targets: check format docs package test-notebooks test-oldest calibrate bench notebooks clean (see CONTRIBUTING.md)'

# --- installing -------------------------------------------------------------------------------------------------------

# Stamps say which extra is installed; they are renewed when pyproject.toml changes. dev holds docs and test, test holds demo.
demo_stamps := demo
test_stamps := demo test
bench_stamps := demo test bench
docs_stamps := demo docs
dev_stamps := demo test docs dev

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'PYTHON must be Python 3.11 or newer; got $(PYTHON) ('"$$($(PYTHON) --version 2>&1)"').' >&2; \
	  echo 'Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo '$(PYTHON) could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }

$(VENV)/.memfeat-%: pyproject.toml | $(BIN)/pip
ifneq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --disable-pip-version-check --index-url $(TORCH_INDEX) torch torchvision
endif
	@echo 'Installing memfeat[$*] into $(VENV). The first time this fetches torch and the ResMem weights and takes minutes.'
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[$*]'
	@touch $(foreach extra,$($*_stamps),$(VENV)/.memfeat-$(extra))

# --- using ------------------------------------------------------------------------------------------------------------

demo: $(VENV)/.memfeat-demo
	$(BIN)/memfeat demo

test: $(VENV)/.memfeat-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-notebooks: $(VENV)/.memfeat-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -o norecursedirs=".*" tests/notebooks $(PARALLEL) $(PYTEST_ARGS)

check: $(VENV)/.memfeat-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell $(SOURCES) README.md CHANGELOG.md CONTRIBUTING.md
	find memfeat -name '*.py' | sort | xargs $(BIN)/numpydoc lint
	$(BIN)/cffconvert --validate -i CITATION.cff
	$(BIN)/python tests/calibration/stale.py

format: $(VENV)/.memfeat-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.memfeat-docs
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html
	@echo 'Open docs/_build/html/index.html'

package: $(VENV)/.memfeat-dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	TORCH_INDEX='$(TORCH_INDEX)' sh .ci/package $(BIN)/python dist

# uv is used here only because pip cannot ask for the lowest versions.
test-oldest: $(VENV)/.memfeat-dev
	$(BIN)/uv venv --quiet --clear --python 3.11 $(OLDEST)
ifneq ($(TORCH_INDEX),)
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct --no-deps \
	  --index-url $(TORCH_INDEX) $$(grep -oE '"torch(vision)?>=[0-9.]+"' pyproject.toml | tr -d '"')
endif
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct --editable '.[test]'
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

calibrate: $(VENV)/.memfeat-test
	$(BIN)/python -m pytest -o norecursedirs=".*" tests/calibration $(PYTEST_ARGS)

bench: $(VENV)/.memfeat-bench
	$(BIN)/python -m pytest -o norecursedirs=".*" tests/benchmarks $(PYTEST_ARGS)

notebooks: $(VENV)/.memfeat-test
	$(BIN)/python .ci/notebooks.py $(ANALYSES)

clean:
	rm -rf build dist docs/_build docs/jupyter_execute docs/generated docs/notebooks memfeat-demo $(OLDEST)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find memfeat tests analyses docs -name __pycache__ -prune -exec rm -rf {} +
	@echo 'Kept $(VENV); remove it by hand to install afresh.'
