# make demo   a private MariaDB and Redis under ./var, the controller, and simulated calls   (KEEP=1 leaves it running)
# make test   every check and test
# make bench  the speed claims of the README
# make clean  stop what KEEP=1 left running, and remove ./var

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: demo test lint tools bench clean

demo: $(STAMP)
	$(BIN)/python deploy/demo/demo.py $(if $(KEEP),--keep)

# What tests need of Debian comes while callctl is installed and looked over.
test:
	sh deploy/packages.sh run
	$(MAKE) --no-print-directory -j2 lint tools
	$(BIN)/python tests/run.py

tools:
	sh deploy/packages.sh test

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m benchmarks

clean:
	[ ! -x $(BIN)/python ] || $(BIN)/python deploy/demo/demo.py --stop
	rm -rf var

$(STAMP): setup.cfg pyproject.toml deploy/packages.sh
	sh deploy/packages.sh run
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)
