# Every target sets up what it needs in .venv and works from a fresh clone with Python >= 3.11 alone.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv

.PHONY: help setup dev demo test check chaos bench bench-long bench-state bench-guarantee bench-detection bench-fidelity bench-words bench-evidence bench-tokens bench-calibration pictures reference format lock dist clean

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(VENV)/.runtime ## everything to run into .venv, so that .venv/bin/tinylogbert works

dev: $(VENV)/.dev ## the same, with what tests and checks need

demo: setup ## broker, topics, daemon, a stream with failures in it, anomalies as they come, streaming AUC
	@$(BIN)/tinylogbert demo

# Three at a time on two cores: a test that waits for Kafka leaves its core to others.
test: dev ## all tests, on a real Kafka broker (TESTS_AT_ONCE=)
	@$(BIN)/python -m pytest -n $(or $(TESTS_AT_ONCE),3) --dist loadfile --no-loadscope-reorder

check: dev ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# A flag for a variable that was given to make itself: LINES and the like may stand in any shell's environment.
flag = $(if $(filter command,$(origin $(1))),--$(2) '$($(1))')

chaos: dev ## daemons and broker killed at random moments, the same windows come out (LINES= LOG= KILLS= BROKER_KILLS= JOINS= SEED= SCORER=)
	@$(BIN)/python -m bench.chaos $(call flag,LINES,lines) $(call flag,LOG,log) $(call flag,KILLS,kills) \
	$(call flag,FREEZES,freezes) $(call flag,BROKER_KILLS,broker-kills) $(call flag,JOINS,joins) \
	$(call flag,WORKERS,workers) $(call flag,PARTITIONS,partitions) $(call flag,SEED,seed) $(call flag,SCORER,scorer)

bench: dev ## lines/s, latency, memory, the model, beside what a user would pick instead; ten minutes (ROUNDS= LINES= ONLY= LOG= JSON= TRAINING=1)
	@$(BIN)/python -m bench.speed $(call flag,ROUNDS,rounds) $(call flag,LINES,lines) $(call flag,ONLY,only) \
	$(call flag,LOG,log) $(call flag,JSON,json) $(if $(TRAINING),--training)

bench-state: dev ## a million open windows: memory, time to restore, cost of a line; some minutes (WINDOWS= PARTITIONS=)
	@$(BIN)/python -m bench.state $(if $(WINDOWS),--windows $(WINDOWS)) $(if $(PARTITIONS),--partitions $(PARTITIONS))

bench-long: dev ## eight minutes at full speed: the daemon's memory, as a graph (LINES= MINUTES= PNG= JSON= LOG=)
	@$(BIN)/python -m bench.longrun $(call flag,LINES,lines) $(call flag,MINUTES,minutes) $(call flag,PNG,png) \
	$(call flag,JSON,json) $(call flag,LOG,log)

bench-guarantee: dev ## what exactly-once costs against at-least-once
	@$(BIN)/python -m bench.guarantee

bench-detection: dev ## how well failures are found that nobody labelled; LOG= (and LABELS=) is judged by folds (METHODS= KINDS= PROTOCOLS= SEEDS= JSON= STUDY=1)
	@$(BIN)/python -m bench.detection $(call flag,LOG,log) $(call flag,LABELS,labels) $(call flag,METHODS,methods) \
	$(call flag,KINDS,kinds) $(call flag,PROTOCOLS,protocols) $(call flag,SEEDS,seeds) $(call flag,JSON,json) $(if $(STUDY),--study)

bench-fidelity: dev ## how well TinyLogBERT follows its teacher one step away from what it learned (LOG= CHECKPOINT=)
	@$(BIN)/python -m bench.fidelity $(call flag,LOG,log) $(call flag,CHECKPOINT,checkpoint)

bench-words: dev ## what lines mean that training never saw (LOG= LABELS=)
	@$(BIN)/python -m bench.words $(call flag,LOG,log) $(call flag,LABELS,labels)

bench-evidence: dev ## whether the line at fault is among the first that are shown, on simulated failures
	@$(BIN)/python -m bench.evidence

bench-tokens: dev ## a token a line against plain word pieces: windows/s (LOG=)
	@$(BIN)/python -m bench.tokens speed $(call flag,LOG,log)

bench-calibration: dev ## whether budgets of false alarms are kept (LOG= LABELS=)
	@$(BIN)/python -m bench.calibration $(if $(LOG),'$(LOG)') $(call flag,LABELS,labels)

pictures: dev ## pictures of the live page for the README, taken while lines come
	@$(BIN)/python -m bench.screenshots

reference: dev ## docs/reference.md, made of the settings and the commands
	@$(BIN)/python -m bench.reference --out docs/reference.md

format: dev ## rewrite the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(UV) ## pin and hash the newest versions that pyproject.toml allows
	$(UV) pip compile -q --universal --generate-hashes --no-annotate --upgrade --python-version 3.11 pyproject.toml -o requirements.txt
	$(UV) pip compile -q --universal --generate-hashes --no-annotate --python-version 3.11 -c requirements.txt --group dev pyproject.toml -o requirements-dev.txt

dist: dev ## wheel and sdist into dist/, as tests/test_dist.py checks them
	@rm -rf dist
	@$(BIN)/python -m hatchling build --target sdist --target wheel
	@ls -l dist

clean: ## remove .venv and what tools left
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

REACH := { echo "error: Python packages could not be installed; see the lines above. If the package index cannot be reached, check network and proxy, then run make again" >&2; exit 1; }

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python >= 3.11 is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) -m venv failed; on Debian, install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) (the first time this fetches PyTorch, a few minutes on a slow line) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 2 uv || $(REACH)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(UV)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --compile-bytecode --require-hashes -r requirements.txt || $(REACH)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --editable . || $(REACH)
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --compile-bytecode --require-hashes -r requirements-dev.txt || $(REACH)
	@touch $@
