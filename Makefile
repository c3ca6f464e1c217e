# What a person types first. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-eol test test-slow check clean
.SUFFIXES:

BIN := .venv/bin
# Hundreds of processes are started: without compiled files each takes half as long again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST_ARGS ?=
# Seconds after which the whole test run is stopped and counts as failed: a guard against hanging,
# far above the 13 minutes that it takes on 2 cores.
TEST_LIMIT ?= 1800
# Test files run side by side, one process each: they mostly wait for the processes they start.
TEST_WORKERS ?= 3

help:
	@echo "make setup      a virtual environment in .venv and mosquitto, the MQTT broker"
	@echo "make demo       a simulated campaign: finds the most conductive electrolyte"
	@echo "make demo-eol   coin cells from formulation to end of life: which electrolyte lasts longest"
	@echo "make test       setup, check and every test (PYTEST_ARGS='tests/labmesh -k clock')"
	@echo "make test-slow  the tests that take minutes each"
	@echo "make check      linters, format, types, layers, spelling"
	@echo "make clean      remove what setup and tests left in this folder"

setup:
	@scripts/setup.sh

demo: setup
	@$(BIN)/labmesh launch launch/conductivity_campaign.launch.yaml

demo-eol: setup
	@$(BIN)/labmesh launch launch/eol_campaign.launch.yaml

# Every check and the tests run also when one fails, so that one run tells everything.
test:
	@scripts/setup.sh --test
	@status=0; \
	$(MAKE) --no-print-directory check || status=1; \
	timeout $(TEST_LIMIT) $(BIN)/pytest -m "not slow" -n $(TEST_WORKERS) --dist loadfile $(PYTEST_ARGS) || status=1; \
	exit $$status

test-slow:
	@scripts/setup.sh --test
	$(BIN)/pytest -m slow --timeout=1800 $(PYTEST_ARGS)

check:
	@scripts/setup.sh --test
	@status=0; \
	for tool in "ruff check ." "ruff format --check ." mypy lint-imports typos; do \
		echo "-- $$tool"; \
		$(BIN)/$$tool || status=1; \
	done; \
	exit $$status

clean:
	rm -rf .venv .venv-readers build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
