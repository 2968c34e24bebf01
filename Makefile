# GNU make 3.81 or later (the one macOS ships). `make` alone lists the targets.

PYTHON ?= python3
STUDY ?= quickstart
FROM ?= 2000-01-01

VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
RNNSEARCH := $(VENV)/bin/rnnsearch
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_YAHOO := $(VENV)/.installed-yahoo
INSTALLED_CLUSTER := $(VENV)/.installed-cluster

# STUDY is NAME, found as studies/NAME.toml, or the path of a .toml file.
STUDY_FILE = $(if $(filter %.toml,$(STUDY)),$(STUDY),studies/$(STUDY).toml)
# SERIES=2330,2454 names some of a study of many series.
ALL_ARGS = $(if $(SERIES),--series '$(SERIES)') $(ARGS)
# Groups of tests that share what takes long, in the order of collection.
PARALLEL := -n 2 --dist loadgroup --no-loadscope-reorder
SEARCH_ARGS = $(if $(TRIALS),--trials $(TRIALS)) $(if $(WORKERS),--workers $(WORKERS)) \
	$(if $(TIMEOUT),--timeout '$(TIMEOUT)') $(ALL_ARGS)

.DEFAULT_GOAL := help
.PHONY: help install install-cluster fetch init search resume status evaluate explain report refit predict journal sync check-study dashboard \
	test test-fast check bench bench-inputs bench-verdict bench-intervals bench-drift bench-refit bench-faults bench-cluster lock clean

help: ## List the targets
	@echo "usage: make TARGET [STUDY=NAME or FILE.toml] [TRIALS=N or +N] [WORKERS=N] [TIMEOUT=2h] [SERIES=A,B] [ARGS='...']"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "STUDY is $(STUDY) unless given; studies/NAME.toml is found by its NAME."

install: $(INSTALLED) ## Make .venv with the locked packages (does nothing when current)

install-cluster: $(INSTALLED_CLUSTER) ## The same with Ray, for searches on a cluster

$(VENV)/bin/python:
	@command -v '$(PYTHON)' >/dev/null || { \
	  echo "make: $(PYTHON) was not found; install Python 3.11 or later, or say make PYTHON=/path/to/python" >&2; \
	  exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: rnnsearch needs Python 3.11 or later, but $(PYTHON) is" \
	    "$$('$(PYTHON)' --version 2>&1); say make PYTHON=python3.11" >&2; \
	  exit 1; }
	@'$(PYTHON)' -m venv $(VENV)

$(INSTALLED): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing rnnsearch and its packages into $(VENV) (about 2 GB, a few minutes the first time)"
	@$(PIP) install --quiet --quiet -c constraints.txt -e .
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@echo "Installing the test and check tools into $(VENV)"
	@$(PIP) install --quiet --quiet -c constraints.txt -e '.[dev]'
	@touch $@

$(INSTALLED_YAHOO): $(INSTALLED)
	@$(PIP) install --quiet --quiet -c constraints.txt -e '.[yahoo]'
	@touch $@

$(INSTALLED_CLUSTER): $(INSTALLED)
	@echo "Installing Ray into $(VENV)"
	@$(PIP) install --quiet --quiet -c constraints.txt -e '.[cluster]'
	@touch $@

# Before anything is installed for it.
need-%:
	@test '$($*)' || { echo "make: $* is not given; make help shows an example" >&2; exit 2; }

fetch: need-TICKER $(INSTALLED_YAHOO) ## Get daily prices from Yahoo Finance (TICKER=2330.TW FROM=2010-01-01)
	$(RNNSEARCH) fetch '$(TICKER)' --from $(FROM) $(ARGS)

init: need-DATA $(INSTALLED) ## Write a study file for a price file (DATA=my_prices.csv)
	$(RNNSEARCH) init '$(DATA)' $(ARGS)

search: $(INSTALLED) ## Run a study, or go on with it, until its trials are finished
	$(RNNSEARCH) search '$(STUDY_FILE)' $(SEARCH_ARGS)

resume: search ## Go on where a study stopped, whatever stopped it (the same as search)

status: $(INSTALLED) ## Show a study's counts, best trials and workers
	$(RNNSEARCH) status '$(STUDY_FILE)' $(ALL_ARGS)

evaluate: $(INSTALLED) ## Open the locked test: champion against baselines
	$(RNNSEARCH) evaluate '$(STUDY_FILE)' $(ALL_ARGS)

explain: $(INSTALLED) ## How far back the champion looks, beside a plain RNN, an LSTM and a GRU
	$(RNNSEARCH) explain '$(STUDY_FILE)' $(ALL_ARGS)

report: $(INSTALLED) ## Write one HTML page with the answer
	$(RNNSEARCH) report '$(STUDY_FILE)' $(ALL_ARGS)

predict: $(INSTALLED) ## Print the next forecast, with its date
	$(RNNSEARCH) predict '$(STUDY_FILE)' $(ALL_ARGS)

journal: $(INSTALLED) ## Say what came true of the recorded forecasts (predict ARGS=--record)
	$(RNNSEARCH) journal '$(STUDY_FILE)' $(ALL_ARGS)

refit: $(INSTALLED) ## Train the champion on all rows known today (ARGS='--data newer.csv')
	$(RNNSEARCH) refit '$(STUDY_FILE)' $(ALL_ARGS)

sync: $(INSTALLED) ## Rebuild MLflow's view of a study from its store
	$(RNNSEARCH) sync '$(STUDY_FILE)' $(ALL_ARGS)

check-study: $(INSTALLED) ## Check a study file and its data, and train one tiny trial
	$(RNNSEARCH) check '$(STUDY_FILE)' $(ALL_ARGS)

dashboard: $(INSTALLED) ## Open the MLflow page with every trial
	$(RNNSEARCH) dashboard $(ARGS)

test: $(INSTALLED_DEV) ## Run all tests (make test ARGS='-k windows')
	$(VENV)/bin/python -m pytest $(PARALLEL) $(ARGS)

test-fast: $(INSTALLED_DEV) ## The tests of daily use, in about a minute (make test runs all)
	$(VENV)/bin/python -m pytest $(PARALLEL) -m 'not slow and not cluster and not browser' $(ARGS)

check: $(INSTALLED_DEV) ## Check format, lint, types and import directions
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --platform win32 --cache-dir .mypy_cache/win32 rnnsearch
	$(VENV)/bin/lint-imports

bench: $(INSTALLED_DEV) ## Where the machine's time and memory go (ARGS='training --quick')
	$(VENV)/bin/python -m tests.bench.bench $(ARGS)

bench-inputs: $(INSTALLED_DEV) ## Search planted files whose true inputs are known (long; ARGS='--seeds 3')
	$(VENV)/bin/python -m tests.bench.bench_inputs $(ARGS)

bench-faults: $(INSTALLED_DEV) ## Break searches on purpose and count what is lost (ARGS='--times 3')
	$(VENV)/bin/python -m tests.bench.bench_faults $(ARGS)

bench-cluster: $(INSTALLED_DEV) ## One to four drivers with up to 500 simulated workers
	$(VENV)/bin/python -m tests.bench.bench_cluster $(ARGS)

bench-verdict: $(INSTALLED_DEV) ## Is the verdict right on noise and planted files? (half an hour; ARGS go to bench_verdict)
	$(VENV)/bin/python -m tests.bench.bench_answer
	$(VENV)/bin/python -m tests.bench.bench_shifts
	$(VENV)/bin/python -m tests.bench.bench_metrics
	$(VENV)/bin/python -m tests.bench.bench_trading
	$(VENV)/bin/python -m tests.bench.bench_verdict $(ARGS)

bench-drift: $(INSTALLED_DEV) ## Does the test of drift cry wolf, and how soon does it see one? (a minute)
	$(VENV)/bin/python -m tests.bench.bench_drift $(ARGS)

bench-refit: $(INSTALLED_DEV) ## Is a test walked through with refits worth it where the market drifts? (ten minutes)
	$(VENV)/bin/python -m tests.bench.bench_refit $(ARGS)
	$(VENV)/bin/python -m tests.bench.bench_walked_test

bench-intervals: $(INSTALLED_DEV) ## Do intervals hold what they promise? (a minute)
	$(VENV)/bin/python -m tests.bench.bench_intervals $(ARGS)

# A fresh environment with the newest packages pyproject.toml allows becomes the lock.
# Left out: what every environment has (pip ...), and CUDA packages, which torch chooses per platform.
lock: $(VENV)/bin/python ## Renew constraints.txt with the newest packages that go together
	@echo "Resolving every extra in a fresh environment (about 3 GB, several minutes)"
	@rm -rf $(VENV)/lock && $(VENV)/bin/python -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check install --quiet --quiet -e '.[dev,cluster,yahoo]'
	@$(VENV)/lock/bin/python -m pip check
	@{ sed -n '/^#/p' constraints.txt; \
	  $(VENV)/lock/bin/python -m pip freeze --exclude-editable \
	    --exclude pip --exclude setuptools --exclude wheel \
	  | sed -e 's/+cpu$$//' -e '/^nvidia[-_]/d' -e '/^cuda[-_]/d' -e '/^triton==/d'; } >$(VENV)/constraints.txt
	@rm -rf $(VENV)/lock
	@mv $(VENV)/constraints.txt constraints.txt

clean: ## Remove .venv and every cache (never runs/)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find rnnsearch tests -type d -name __pycache__ -prune -exec rm -rf {} +
