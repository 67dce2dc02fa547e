# Every target does all that it needs from a fresh clone. What is done is remembered by stamps
# in .venv and node_modules, so nothing is installed twice until a file that lists it changes.

PYTHON ?= python3
BIN := .venv/bin
# An editable installation lists the packages: a new bundle changes the folder of all bundles.
LISTS := setup.cfg pyproject.toml bundles
RUN_STAMP := .venv/.run.stamp
DEV_STAMP := .venv/.dev.stamp
NPM_STAMP := node_modules/.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PARALLEL := --numprocesses auto --durations 10
# Processes that tests start would compile the sources again and again: where
# PYTHONDONTWRITEBYTECODE is set, nothing else writes bytecode.
COMPILE := $(BIN)/python -m compileall -q -j 0 -x cli/template app benchmarks bundles rxkernel tests

# $(call apt,PACKAGE): install from Debian; fails where that is not ours to do.
apt = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get -qq update || true; } && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
	--no-install-recommends install $(1) </dev/null; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test soak check collect docs screenshots format lint type bench bench-quick bench-check install browser slowhttptest faketime wrk redis nats \
	nginx haproxy postgresql mariadb valgrind clean distclean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: $(RUN_STAMP) $(NPM_STAMP)  ## run the sample application, or ARGS="--port 9000"
	$(BIN)/python -m rxkernel serve $(ARGS)

test: $(DEV_STAMP) $(NPM_STAMP) browser slowhttptest wrk redis nats nginx haproxy postgresql mariadb  ## all tests with coverage, or ARGS="-k kernel" in one process without it
	@$(COMPILE)
	$(BIN)/python -m pytest $(or $(ARGS),-p tests.coverage $(PARALLEL))

soak: $(DEV_STAMP) slowhttptest faketime wrk redis nats postgresql mariadb  ## long tests: endurance, and 5000 examples of each property; not part of check
	@$(COMPILE)
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile soak $(PARALLEL) $(ARGS)

# lint, type and collect need one core each, the tests need all.
check: $(DEV_STAMP)  ## what a change must pass: lint, type, test
	@$(MAKE) --no-print-directory --jobs=2 lint type collect
	@$(MAKE) --no-print-directory test

# pytest rewrites the assertions of each test module: once here, instead of once in each of its
# processes, which read the bytecode but do not write it where PYTHONDONTWRITEBYTECODE is set.
# An error of a module is reported by the tests. So with the sources, for the coverage.
collect: $(DEV_STAMP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 || true
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.coverage

docs: $(DEV_STAMP)  ## build the site of the documentation in build/docs
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --jobs auto -d build/doctrees -c docs . build/docs
	@echo "Open $(CURDIR)/build/docs/index.html"

screenshots: $(DEV_STAMP) $(NPM_STAMP) browser  ## make the pictures of the documentation again, in docs/images
	@PYTHONPATH=docs/examples/chat:docs/examples/gateway $(BIN)/python -m tests.browser.screenshots

format: $(DEV_STAMP)  ## rewrite the sources in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(DEV_STAMP)  ## style; rewrites nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: $(DEV_STAMP)  ## mypy --strict over sources and tests
	$(BIN)/python -m mypy

bench: $(DEV_STAMP) $(NPM_STAMP) wrk redis nats  ## everything under benchmarks/, or ARGS="..."
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(DEV_STAMP) wrk  ## HTTP beside raw aiohttp, in under three minutes
	$(BIN)/python -m benchmarks quick $(ARGS)

bench-check: $(DEV_STAMP) valgrind  ## instructions for each request; fails when one grew by over 2 %
	$(BIN)/python -m benchmarks check $(ARGS)

install: $(DEV_STAMP) $(NPM_STAMP) browser slowhttptest faketime wrk redis nats nginx haproxy postgresql mariadb valgrind  ## all that the other targets need

clean:  ## remove what the tools left, keep what was installed
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . \( -name .venv -o -name node_modules -o -name .git \) -prune -o -name __pycache__ -exec rm -rf {} +

distclean: clean  ## remove that too
	rm -rf .venv node_modules benchmarks/.peers

# pip comes last into a new environment, so its presence says that the environment is whole.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "rxkernel needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	    "Name another: make PYTHON=python3.11" >&2; exit 1; }
	@echo "Creating .venv"
	@$(PYTHON) -m venv .venv || { $(call apt,python3-venv) && $(PYTHON) -m venv .venv; } || { \
	  echo "'$(PYTHON) -m venv' does not work; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(RUN_STAMP): $(LISTS) | $(BIN)/pip
	@echo "Installing rxkernel and what the sample application needs"
	@$(PIP) install --editable '.[app,fast]'
	@touch $@

$(DEV_STAMP): $(LISTS) | $(BIN)/pip
	@echo "Installing rxkernel and the developers' tools"
	@$(PIP) install --editable '.[dev]'
	@touch $(RUN_STAMP) $@

# Without npm only the page and the tests that use socket.io-client are missing: they say so themselves.
$(NPM_STAMP): package.json package-lock.json
	@if ! command -v npm >/dev/null; then \
	  echo "npm is not installed: going on without socket.io-client (on Debian: apt-get install npm)"; \
	elif npm ci --silent; then touch $@; \
	else echo "'npm ci' failed: going on without socket.io-client"; fi

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { echo "Installing Chromium" && $(call apt,chromium) >/dev/null; } \
	  || echo "Chromium cannot be installed here: the browser tests are skipped (on Debian: apt-get install chromium)"

slowhttptest:
	@command -v slowhttptest >/dev/null \
	  || { echo "Installing slowhttptest" && $(call apt,slowhttptest) >/dev/null; } \
	  || echo "slowhttptest cannot be installed here: its tests are skipped (on Debian: apt-get install slowhttptest)"

faketime:
	@command -v faketime >/dev/null || { echo "Installing faketime" && $(call apt,faketime) >/dev/null; } \
	  || echo "faketime cannot be installed here: its tests are skipped (on Debian: apt-get install faketime)"

wrk:
	@command -v wrk >/dev/null || { echo "Installing wrk" && $(call apt,wrk) >/dev/null; } \
	  || echo "wrk cannot be installed here: nothing can load HTTP servers (on Debian: apt-get install wrk)"

redis:
	@command -v redis-server >/dev/null || { echo "Installing redis-server" && $(call apt,redis-server) >/dev/null; } \
	  || echo "redis-server cannot be installed here: its tests are skipped (on Debian: apt-get install redis-server)"

# The directory of nats-server, nginx and haproxy is not on the path of every user.
nats:
	@PATH="$$PATH:/usr/sbin"; command -v nats-server >/dev/null \
	  || { echo "Installing nats-server" && $(call apt,nats-server) >/dev/null; } \
	  || echo "nats-server cannot be installed here: its tests are skipped (on Debian: apt-get install nats-server)"

nginx:
	@PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null \
	  || { echo "Installing nginx" && $(call apt,nginx-light) >/dev/null; } \
	  || echo "nginx cannot be installed here: its tests are skipped (on Debian: apt-get install nginx-light)"

haproxy:
	@PATH="$$PATH:/usr/sbin"; command -v haproxy >/dev/null \
	  || { echo "Installing haproxy" && $(call apt,haproxy) >/dev/null; } \
	  || echo "haproxy cannot be installed here: its tests are skipped (on Debian: apt-get install haproxy)"

postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	  || { echo "Installing PostgreSQL" && $(call apt,postgresql) >/dev/null; } \
	  || echo "PostgreSQL cannot be installed here: its tests are skipped (on Debian: apt-get install postgresql)"

mariadb:
	@command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] \
	  || { echo "Installing MariaDB" && $(call apt,mariadb-server-core) >/dev/null; } \
	  || echo "MariaDB cannot be installed here: its tests are skipped (on Debian: apt-get install mariadb-server-core)"

valgrind:
	@command -v valgrind >/dev/null || { echo "Installing valgrind" && $(call apt,valgrind) >/dev/null; } \
	  || echo "valgrind cannot be installed here (on Debian: apt-get install valgrind)"
