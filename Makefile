# make demo: set-up and the main job. make test: set-up and all checks. make lab: the student's notebooks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One thread each: the tests run on all cores already.
export OMP_NUM_THREADS := 1

.PHONY: demo test lab lint golden bench attacks clean

demo: $(READY)
	$(BIN)/python tests/demo.py

lab: $(READY)
	$(BIN)/scratchgrad lab

test: $(READY) lint
	$(BIN)/pytest -n auto --dist loadgroup
	$(BIN)/pytest --nbval -n auto --dist loadfile tests/golden -q

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

golden: $(READY)
	$(BIN)/python tests/golden_notebooks.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'scratchgrad needs Python 3.11 or newer: make PYTHON=python3.11 ...')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,cuda-cpu]"
	touch $@

bench: $(READY)
	$(BIN)/python tests/bench.py

attacks: $(READY)
	$(BIN)/python tests/attacks

clean:
	rm -rf build $(VENV)
