# Everything a newcomer needs: `make demo`, `make test`. Each sets up its own environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: demo test test-slow coverage test-backends lint docs bench clean

# the main job: phantoms, a trained classifier, its table, plots and heat maps in demo-report/
demo: $(VENV)/.installed
	$(BIN)/keras-cxr demo --out demo-report

# all tests but those marked slow
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(PYTEST_ARGS)

# the others: proofs on phantoms, kills at random moments, leaks over hundreds of calls, benchmarks
test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m slow $(PYTEST_ARGS)

# the tests of `make test` traced: fails below the share of lines and branches in pyproject.toml
coverage: $(VENV)/.installed-dev
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" --cov --cov-report= $(PYTEST_ARGS)
	$(BIN)/python -m coverage report

# explanations of the whole zoo on TensorFlow, JAX and PyTorch, and beside PyTorch's libraries,
# whose wheels are large
test-backends: $(VENV)/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[test-backends]"
	KERAS_CXR_TEST_BACKENDS=1 $(BIN)/python -m pytest tests/explain/test_backends.py tests/explain/test_memory.py tests/segmentation/test_backends.py tests/inference/test_backends.py $(PYTEST_ARGS)
	KERAS_BACKEND=torch $(BIN)/python -m pytest tests/explain/methods/test_torch_peers.py $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict

# every benchmark, one after the other; the machine should have nothing else to do
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist site demo-report .coverage .coverage.*

$(VENV)/.installed: pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[test,lint,docs,dicom,export]"
	touch $(VENV)/.installed $@
