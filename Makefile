# `make run` and `make test` are all a newcomer needs: each makes .venv and installs the locked dependencies first.
#
#   PYTHON=python3.12 make ...   another interpreter (3.11 or newer)
#   WHEELS=DIR make ...          install from wheels in DIR, without any network
#   ARGS='--once' make run       further arguments of `soc demo` (make test: of pytest)

.DEFAULT_GOAL := help
.PHONY: help setup run test soak lint format bench lock wheels clean
SHELL := /bin/sh
BIN := .venv/bin
BENCH ?= $(filter-out bench/label_score.py,$(wildcard bench/*.py)) # label_score scores a directory of logs

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv and install the locked dependencies (a second call takes no time)
	@.ci/setup

run: setup ## start everything on the demo story; the console's address is printed
	@$(BIN)/soc demo $(ARGS)

test: setup ## every check: lint, types, import contracts, tests (two at a time: those with servers mostly wait)
	@$(MAKE) --no-print-directory lint
	@.ci/needs
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup ## the faults at length (hours, real servers; a dated line a test: docs/explanation/faults.md), an hour of damaged input
	@SOC_REQUIRE_LIVE=1 .ci/needs
	@SOC_SOAK=1 SOC_REQUIRE_LIVE=1 $(BIN)/python -m pytest tests/faults $(ARGS)
	@SOC_FUZZ_SECONDS=900 SOC_FUZZ_SEED=$$(date +%s) $(BIN)/python -m pytest tests/fuzz --timeout 2400

lint: setup ## ruff, basedpyright (strict), import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-cache

format: setup ## rewrite the sources as `make lint` wants them
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

bench: setup ## what one core does: each program of bench/ prints its figures as JSON (BENCH=FILE for one)
	@for file in $(BENCH); do echo "$$file" >&2; $(BIN)/python "$$file" $(ARGS) || exit; done

lock: ## resolve the dependencies of pyproject.toml anew into constraints.txt
	@.ci/lock

wheels: ## fetch every locked wheel into WHEELS=DIR (default: wheels/), for machines without a network
	@WHEELS= .ci/setup
	@$(BIN)/python -m pip download --quiet --no-deps --require-hashes --dest "$${WHEELS:-wheels}" --requirement constraints.txt

clean: ## remove .venv and what tools left behind
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist wheels soc/detect/native.*.so
