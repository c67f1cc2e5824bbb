# make demo     watch a whole treatment on a simulated gun
# make console  the operator's screen on a simulated gun, in this terminal
# make test     formatting, lint, types, layers, generated files, safety case, and all tests
# make bench    the measured numbers, each beside a floor or a peer of the same run
# make world    whole sessions under faults: SEEDS=n of them
# make proof     every claim in its long form, hours on a slow computer; writes docs/proof.md. RESUME=1 goes on
# make sbom     what is installed, as CycloneDX: build/sbom.json
# make security  bandit over the four packages, and the SBOM
# make interop  others' verifiers for the tests: npm's, and aics-tlog in a Python of 3.12 or newer (PYTHON312)
# Each installs what it needs into .venv first; the second time that takes no time.

PYTHON ?= python3
PYTHON312 ?= python3.12
# More workers than cores: most of the time goes into tests that wait for real processes.
JOBS ?= 4
TESTS ?= tests
SEEDS ?= 200
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Each by itself, so that they run beside each other; mypy twice, as nobody here tries what only macOS does.
CHECKS := format lint types types-macos layers generated safety-case

# A third of a short command's start would go into compiling the same modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo console test check $(CHECKS:%=check-%) bench proof world sbom security interop interop-npm interop-tlog
.DELETE_ON_ERROR:

demo: .venv/.installed
	@$(BIN)/meso demo

console: .venv/.installed
	@$(BIN)/meso console --simulate

test: check
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TESTS)

check: .venv/.installed-dev
	$(MAKE) --jobs=2 --no-print-directory $(CHECKS:%=check-%)

check-format:
	$(BIN)/ruff format --check .
check-lint:
	$(BIN)/ruff check .
check-types:
	$(BIN)/mypy
check-types-macos:
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
check-layers:
	$(BIN)/lint-imports
check-generated:
	$(BIN)/python -m protocols.wire.generate --check
check-safety-case:
	$(BIN)/python -m tests.safety_case --check

bench: .venv/.installed-bench
	$(BIN)/python -m bench

world: .venv/.installed-dev
	$(BIN)/python -m tests.world run --seeds $(SEEDS) --jobs 2

proof: .venv/.installed-bench
	$(BIN)/python -m tests.proof $(if $(RESUME),--resume)

# Out of what is really installed without the tools for tests, in an environment of its own.
sbom: .venv/.installed-dev
	$(PYTHON) -m venv --clear build/sbom
	build/sbom/bin/python -m pip install --quiet --disable-pip-version-check .
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file build/sbom.json build/sbom/bin/python
	@echo "build/sbom.json"

security: sbom
	$(BIN)/python -m pip install --quiet --disable-pip-version-check bandit
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive meso_device drivers simulator protocols

interop: interop-npm interop-tlog

interop-npm:
	npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/interop

interop-tlog:
	$(PYTHON312) -m venv tests/interop/.venv
	tests/interop/.venv/bin/python -m pip install --quiet --disable-pip-version-check 'aics-tlog>=0.2'

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: pyproject.toml | .venv/.made
	@echo "installing into .venv"
	@$(PIP) -e .
	@touch $@

.venv/.installed-dev: pyproject.toml | .venv/.made
	@echo "installing into .venv, tools for tests included"
	@$(PIP) -e '.[dev]'
	@touch $@ .venv/.installed

.venv/.installed-bench: .venv/.installed-dev
	@echo "installing into .venv, the peers of the bench included"
	@$(PIP) -e '.[dev,bench]'
	@touch $@
