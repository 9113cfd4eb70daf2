# Each target sets up its own environment and works as the only command typed.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet

.PHONY: demo test lint docs page lock clean

demo: .venv/demo.stamp  ## read photos, train on the embedded faces, and write demo/report.html
	$(BIN)/feroi demo --out demo

test: .venv/dev.stamp  ## run every test
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: .venv/dev.stamp  ## style, types, and known vulnerabilities of what is installed
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/python tools/audit.py

docs: .venv/docs.stamp  ## the Python reference, from docstrings, in build/docs
	$(BIN)/python docs/pdoc/build.py build/docs

page:  ## fetch onnxruntime-web from the npm registry for `feroi page`
	tools/page/vendor.sh

lock:  ## resolve pyproject.toml into requirements/; newer versions with UPGRADE=--upgrade
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes --requirement requirements/build.txt
	$(INSTALL) --require-hashes --constraint requirements/lock.txt uv
	$(BIN)/python tools/lock.py $(UPGRADE)

.venv/%.stamp: pyproject.toml requirements/build.txt requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "feroi needs Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes --requirement requirements/build.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	# A torch among wheels at hand (PIP_FIND_LINKS) goes before PyPI's, which brings gigabytes of CUDA.
	$(INSTALL) --require-hashes --constraint requirements/lock.txt --no-deps --no-index torch 2> /dev/null || true
	$(INSTALL) --require-hashes --constraint requirements/lock.txt 'feroi[$*]'
	touch $@

clean:
	rm -rf .venv demo build .pytest_cache .mypy_cache .ruff_cache
