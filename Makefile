# One virtual environment with everything; nothing outside this folder is changed.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# test processes: two are right for any machine, since the tests start workers of their own; those of SLURM mostly wait
PROCESSES ?= 2
SLURM_PROCESSES ?= 3

# importing Keras takes 3 s from compiled modules, and 8 s if Python is told not to keep them
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo studies reproductions test quick torture coverage package oldest matrix frameworks docs slurm-install slurm-up slurm-down slurm-new lint bench constraints clean-venv
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(READY) ## the virtual environment

# `venv` needs ensurepip, which Debian has in python3-venv; if there is only python3-pip, pip fills the environment
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hpcsweep needs Python 3.11 or newer; '$(PYTHON)' is older: make PYTHON=python3.12" >&2; exit 2; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -q pip; \
	else echo "Python has neither ensurepip nor pip: as root, type: apt-get install python3-venv" >&2; exit 2; fi
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt uv
	@$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[cpu,dev,docs]'
	@touch $@

demo: setup ## a small sweep on real handwritten digits, from nothing to a comparison table
	@$(BIN)/hpcsweep run sweeps/quickstart.toml

studies: setup ## the five studies on data that ship with the dependencies; tables and figures in reports/
	@for sweep in sweeps/study*_small.toml; do $(BIN)/hpcsweep run $$sweep || exit 1; done
	@for recipe in analysis/study*.py; do echo; $(BIN)/python $$recipe --small || exit 1; done

# those of which results are kept; MNIST is read from the data folder (`hpcsweep data fetch mnist fashion-mnist`)
FULL = $(basename $(notdir $(wildcard docs/reproductions/*.json)))
reproductions: setup ## the studies in full, from where an earlier call was stopped (hours); then what differs from the page
	@for sweep in $(FULL); do $(BIN)/hpcsweep run sweeps/$$sweep.toml --store reports/full || exit 1; done
	@$(BIN)/python docs/reproductions.py --differences reports/full $(FULL)

test: setup ## all tests (those that need SLURM are skipped, with the reason, if there is none)
	@$(BIN)/python -m pytest -q -n $(PROCESSES) -m "not slurm"; others=$$?; \
	  $(BIN)/python -m pytest -q -n $(SLURM_PROCESSES) -m slurm && exit $$others

# HPCSWEEP_FUZZ_SEED takes other files
torture: setup ## an hour of signals, errors at every call, power cuts (as root) and damaged files
	@HPCSWEEP_TORTURE=1 HPCSWEEP_SIGNALS=60 HPCSWEEP_CUTS=200 HPCSWEEP_FUZZ_S=1800 $(BIN)/python -m pytest -q -n $(PROCESSES) -o timeout=0 \
	  tests/worker/test_faults.py tests/store/test_packs.py tests/store/test_power_cuts.py tests/store/test_fuzz.py \
	  tests/store/test_nfs.py tests/cli/test_storm.py

# their modules import Keras, which takes as long as half of these tests
quick: setup ## the tests that need no SLURM and no browser, and train nothing
	@$(BIN)/python -m pytest -q -n $(PROCESSES) -m "not slurm and not browser and not training" \
	  --ignore tests/training --ignore tests/studies

coverage: setup ## all tests, and which lines of the package neither they nor their processes reach
	@$(BIN)/python -m pytest -q -n $(PROCESSES) --cov --cov-report term-missing

package: setup ## the wheel and the sdist, each installed into an empty environment and used there
	@bash .ci/package

# uv takes the lowest release that each entry of pyproject.toml allows
oldest: setup ## what the dependencies matter most for, with the oldest releases that are allowed
	@$(PYTHON) -m venv --clear --without-pip $(VENV)-oldest
	@$(BIN)/uv pip install -q --python $(VENV)-oldest/bin/python --resolution lowest-direct -e '.[cpu,test,optuna]'
	@$(VENV)-oldest/bin/python -m pytest -q -n $(PROCESSES) -W "ignore" tests/training/test_equality.py tests/results \
	  --ignore tests/results/test_outward.py --ignore tests/store/test_fuzz.py --ignore tests/store/test_nfs.py \
	  --ignore tests/store/test_power_cuts.py \
	  tests/tables tests/store tests/data/test_builtin.py tests/cli/test_command_line.py tests/cli/test_reading_verbs.py \
	  tests/figures/test_plot.py

matrix: setup ## which releases of Keras and its backends train to the bit; takes an hour and 2 GB of downloads
	@$(BIN)/python -m tests.training.matrix && $(BIN)/python docs/generated.py

# PyTorch is taken without CUDA where the folder of wheels that pip is told of has it; Keras is not installed there
WHEELS = $(shell $(BIN)/python -m pip config list 2>/dev/null | sed -n "s/^[^ ]*find-links='\(.*\)'/\1/p" | head -1)
frameworks: setup ## the examples of PyTorch, Lightning, scikit-learn, XGBoost and LightGBM, in an environment of their own
	@$(PYTHON) -m venv --clear --without-pip $(VENV)-frameworks
	@grep -v '^setuptools==' constraints.txt >$(VENV)-frameworks/constraints.txt # PyTorch needs a newer one
	@$(BIN)/uv pip install -q --python $(VENV)-frameworks/bin/python $(addprefix --find-links ,$(WHEELS)) \
	  -c $(VENV)-frameworks/constraints.txt -e '.[test,frameworks]'
	@HPCSWEEP_FRAMEWORKS=required $(VENV)-frameworks/bin/python -m pytest -q -n $(PROCESSES) tests/frameworks

# the variable hides an advertisement; MkDocs is told to fail at a link that leads nowhere
docs: setup ## the documentation as a site in site/, without a network; first bring up to date what the program writes into it
	@$(BIN)/python docs/generated.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict && echo "open site/index.html"

slurm-install: ## as root: the packages of a SLURM cluster on this machine, its daemons kept off
	@bash tests/slurm/cluster.sh install

slurm-up: ## a private SLURM cluster of two nodes to try things on; then: eval "$$(bash tests/slurm/cluster.sh env)"
	@bash tests/slurm/cluster.sh up

slurm-down: ## stop it
	@bash tests/slurm/cluster.sh down

slurm-new: ## as root: the SLURM tests on Debian 13's SLURM, 24.11, in a Debian of its own; the first time from nothing
	@PROCESSES=$(SLURM_PROCESSES) bash tests/slurm/newer.sh

lint: setup ## ruff, the strict type checker and the import contracts of pyproject.toml
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

bench: setup ## every benchmark, each figure a ratio to a named baseline
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

constraints: setup frameworks ## write down the exact versions in use
	@for folder in $(VENV) $(VENV)-frameworks; do $(BIN)/uv pip freeze --python $$folder/bin/python --exclude-editable; done \
	  | grep -E '^[A-Za-z0-9._-]+==' | sed 's/+cpu$$//' | awk -F== '!seen[$$1]++' | sort > constraints.txt

clean-venv: ## remove the virtual environments
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-frameworks
