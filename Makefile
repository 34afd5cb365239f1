# make demo: set-up and the main job. make test: set-up and all checks. make lab: the student's notebooks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One thread each: the tests run on all cores already.
export OMP_NUM_THREADS := 1

.PHONY: demo test lab lint golden bench attacks fuzz clean

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
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,cuda-cpu,cluster]"
	touch $@

bench: $(READY)
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_grading.py
	$(BIN)/python tests/bench_kernels.py

# make attacks PEER=nbgrader: the same submissions graded by stock nbgrader, side by side.
attacks: $(READY)
	$(BIN)/python tests/attacks $(if $(PEER),--peer $(PEER))

fuzz: $(READY)
	$(BIN)/python tests/fuzz_frames.py
	$(BIN)/python tests/fuzz_kernels.py

clean:
	rm -rf build $(VENV)
