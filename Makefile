# Every target installs what it needs in a fresh clone. Stamps in .venv and node_modules record
# what is installed. It is installed again when a file that lists it changes.

PYTHON ?= python3
BIN := .venv/bin
# An editable installation stores the list of packages: a new bundle changes the folder `bundles`.
LISTS := setup.cfg pyproject.toml bundles
RUN_STAMP := .venv/.run.stamp
DEV_STAMP := .venv/.dev.stamp
NPM_STAMP := node_modules/.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PARALLEL := --numprocesses auto --durations 10
# Bytecode for processes that tests start, which would compile the sources each time if
# PYTHONDONTWRITEBYTECODE is set.
COMPILE := $(BIN)/python -m compileall -q -j 0 -x cli/template app benchmarks bundles rxkernel tests

# $(call apt,PACKAGE): install a package of Debian. Fails without root or without apt-get.
apt = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get -qq update || true; } && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
	--no-install-recommends install $(1) </dev/null; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test soak check collect docs screenshots format lint type bench bench-quick bench-check install browser slowhttptest faketime wrk redis nats \
	nginx haproxy postgresql mariadb valgrind clean distclean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: $(RUN_STAMP) $(NPM_STAMP)  ## run the sample application; ARGS="--port 9000" are its options
	$(BIN)/python -m rxkernel serve $(ARGS)

test: $(DEV_STAMP) $(NPM_STAMP) browser slowhttptest wrk redis nats nginx haproxy postgresql mariadb  ## all tests with coverage, or some in one process without it: ARGS="-k kernel"
	@$(COMPILE)
	$(BIN)/python -m pytest $(or $(ARGS),-p tests.coverage $(PARALLEL))

soak: $(DEV_STAMP) slowhttptest faketime wrk redis nats postgresql mariadb  ## long tests: endurance, and 5,000 examples of each property; not part of check
	@$(COMPILE)
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile soak $(PARALLEL) $(ARGS)

# lint, type and collect need one core each, the tests need all.
check: $(DEV_STAMP)  ## all checks of a change: lint, type, test
	@$(MAKE) --no-print-directory --jobs=2 lint type collect
	@$(MAKE) --no-print-directory test

# pytest rewrites the assertions of each test module. This does it once and writes the bytecode.
# Otherwise each process of pytest-xdist repeats it if PYTHONDONTWRITEBYTECODE is set.
# Errors of it are ignored here; the tests report them.
# The second command does the same for the sources whose coverage is measured.
collect: $(DEV_STAMP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 || true
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.coverage

docs: $(DEV_STAMP)  ## build the site of the documentation in build/docs
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --jobs auto -d build/doctrees -c docs . build/docs
	@echo "Open $(CURDIR)/build/docs/index.html"

screenshots: $(DEV_STAMP) $(NPM_STAMP) browser  ## take the pictures of the documentation, in docs/images
	@PYTHONPATH=docs/examples/chat:docs/examples/gateway $(BIN)/python -m tests.browser.screenshots

format: $(DEV_STAMP)  ## rewrite the sources in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(DEV_STAMP)  ## check the style; rewrites nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: $(DEV_STAMP)  ## mypy --strict over sources and tests
	$(BIN)/python -m mypy

bench: $(DEV_STAMP) $(NPM_STAMP) wrk redis nats  ## run all benchmarks; ARGS="..." selects some
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(DEV_STAMP) wrk  ## compare HTTP with raw aiohttp, in under three minutes
	$(BIN)/python -m benchmarks quick $(ARGS)

bench-check: $(DEV_STAMP) valgrind  ## count the instructions of requests; fails if a count grew by over 2 %
	$(BIN)/python -m benchmarks check $(ARGS)

install: $(DEV_STAMP) $(NPM_STAMP) browser slowhttptest faketime wrk redis nats nginx haproxy postgresql mariadb valgrind  ## install all that the other targets need

clean:  ## remove files that tools have written; keeps what is installed
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . \( -name .venv -o -name node_modules -o -name .git \) -prune -o -name __pycache__ -exec rm -rf {} +

distclean: clean  ## clean, and remove what is installed
	rm -rf .venv node_modules benchmarks/.peers

# pip is the last file of a new environment: if it exists, the environment is complete.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "rxkernel needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	    "Use another one: make PYTHON=python3.11" >&2; exit 1; }
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

# Without npm, the page and the tests that need socket.io-client report that it is missing.
$(NPM_STAMP): package.json package-lock.json
	@if ! command -v npm >/dev/null; then \
	  echo "npm is not installed: continuing without socket.io-client (on Debian: apt-get install npm)"; \
	elif npm ci --silent; then touch $@; \
	else echo "'npm ci' failed: continuing without socket.io-client"; fi

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
	  || echo "wrk cannot be installed here: benchmarks of HTTP cannot run (on Debian: apt-get install wrk)"

redis:
	@command -v redis-server >/dev/null || { echo "Installing redis-server" && $(call apt,redis-server) >/dev/null; } \
	  || echo "redis-server cannot be installed here: its tests are skipped (on Debian: apt-get install redis-server)"

# nats-server, nginx and haproxy are in a directory that is not in the PATH of every user.
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

# mariadb-install-db of the server needs my_print_defaults of the client.
mariadb:
	@PATH="$$PATH:/usr/sbin"; command -v mariadbd >/dev/null && command -v my_print_defaults >/dev/null \
	  || { echo "Installing MariaDB" && $(call apt,mariadb-server-core mariadb-client-core) >/dev/null; } \
	  || echo "MariaDB cannot be installed here: its tests are skipped (on Debian: apt-get install mariadb-server-core mariadb-client-core)"

valgrind:
	@command -v valgrind >/dev/null || { echo "Installing valgrind" && $(call apt,valgrind) >/dev/null; } \
	  || echo "valgrind cannot be installed here (on Debian: apt-get install valgrind)"
