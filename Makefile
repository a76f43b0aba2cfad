# Everything a developer runs. Each target makes its own environment in .venv, on a machine with git, make and Python 3.11 or newer.
#
#   make demo                a day at the till against the sandbox, with nothing but the runtime packages
#   make test [PLANT=name]   all tests, with coverage; PLANT plants a named bug, and the tests must fail
#   make check               style, formatting, types
#   make deb                 the Debian package, build/koshelek-agent_VERSION_ARCH.deb, for a till without network; on Debian
#   make crash               the agent dies at all pairs of places, hours; SIZE=n takes n pairs drawn by SEED=s instead
#   make bench               how fast it is beside floors and peers; SIZE=n takes n per cent of it, SEED=s another order
#   make lock                refresh the lock files (needs uv)
#   make clean               remove everything that was made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Stamps: an environment is newer than the lock it was made from.
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
BENCHMARKS := $(VENV)/.benchmarks

PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report= -p tests.coverage_gate
ifdef PLANT
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal --plant $(PLANT)
endif

.PHONY: demo test check deb crash bench lock clean
.DELETE_ON_ERROR:

demo: $(RUNTIME)
	$(BIN)/python -m agent demo $(if $(PLANT),--plant $(PLANT))

# Everything pytest prints goes to one stream, so that its summary is the last line of it.
test: $(DEVELOPMENT)
	$(PYTEST) 2>&1

check: $(DEVELOPMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The package holds compiled files, so it is made by the Python of the tills: Debian's own.
DEB_PYTHON ?= /usr/bin/python3
deb: $(DEVELOPMENT)
	systemd/debian/build.sh $(BIN)/python $(DEB_PYTHON) build

SEED ?= 1
SIZE ?= 0
crash: $(DEVELOPMENT)
	$(BIN)/python -m tests.simulation.campaign --seed $(SEED) --pairs $(SIZE)

# Results, a table and drawings come into build/bench. A flush that takes 5 ms longer needs a C compiler (cc).
bench: $(BENCHMARKS)
	$(BIN)/python -m tests.bench --seed $(SEED) --size $(SIZE)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed. Name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "$(PYTHON) cannot make environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.lock | $(BIN)/python
	$(PIP) --require-hashes -r requirements.lock
	touch $@

# The development lock holds the runtime packages too, in the same versions.
$(DEVELOPMENT): requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $(RUNTIME) $@

# The peers of the benchmarks; what they share with the agent is there in the same versions.
$(BENCHMARKS): requirements-bench.lock $(DEVELOPMENT)
	$(PIP) --require-hashes -r requirements-bench.lock
	touch $@

lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra dev -c requirements.lock \
		pyproject.toml -o requirements-dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra bench -c requirements.lock \
		pyproject.toml -o requirements-bench.lock

clean:
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
