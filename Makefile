# One environment, four verbs. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-all check format bundled-tokenizer bundled-model clean

setup: $(STAMP)

# Rebuilt when what is to be installed changes, reused otherwise.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "whichtune needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V)"; \
	    echo "  fix: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[run,offline,dev]' -c constraints.txt
	@touch $@

demo: $(STAMP)
	$(BIN)/whichtune demo

# Two workers: a test has one thread (tests/conftest.py). By file, since fixtures train models.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu and not network and not slow"

test-all: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu and not network"

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu and not network and not slow"

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The same bytes as those that ship (runners/bundled/README.md); TEXT is what it learns from.
TEXT ?= ../shared/data/pretrain_text/core_train.txt.xz
bundled-tokenizer: $(STAMP)
	$(BIN)/python -m runners.bundled.make_tokenizer $(TEXT) runners/bundled

# Stopped and started again, it goes on from its last checkpoint in WORK.
HELD_OUT ?= $(dir $(TEXT))core_valid.txt.xz
WORK ?= runs/bundled-model
bundled-model: $(STAMP)
	$(BIN)/python -m runners.bundled.make_model $(TEXT) $(WORK) runners/bundled $(HELD_OUT)

clean:
	rm -rf $(VENV) demo-runs
