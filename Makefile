# Everything an operator or a developer types. `make help` lists it.
#
# Needs Python 3.11 or newer and make; the rest is installed into .venv.

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
# Modules through the interpreter, never installed scripts: a script's first line cannot hold a long path.
PY := $(VENV)/bin/python
LAUNCHER := $(PY) -m console.launcher
# By file, so that a module's product is started once. (`loadgroup` does not group under pytest 9.2: pytest-xdist issue 1386.)
PYTEST_ARGS ?= -n 2 --dist loadfile

export HOST PORT DEMO EVENHAND_HOME
# uv links from its cache where it can; across file systems it copies, which is no reason for a warning.
export UV_LINK_MODE ?= copy

.PHONY: help run test prove bench lint format screenshots requirements clean

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

run: $(VENV)/.runtime ## Start everything and serve http://127.0.0.1:8000 (PORT=, HOST=, DEMO=0, EVENHAND_HOME=)
	@exec $(LAUNCHER) run

test: $(VENV)/.development $(VENV)/.browser ## The whole test suite (PYTEST_ARGS= for others)
	@$(call with_services,$(PY) -m pytest -m "not prove" $(PYTEST_ARGS))

prove: $(VENV)/.development $(VENV)/.browser ## The long proofs: kill storms, soak, simulations
	@$(call with_services,$(PY) -m pytest -m prove $(PROVE_ARGS))

bench: $(VENV)/.development ## Benchmarks (JSON=1 one object a line, FULL=1 the million-row scale, ONLY="queues rules" some parts)
	@$(LAUNCHER) exec --home var/bench --own -- $(PY) -m tests.bench $(if $(filter 1,$(JSON)),--json) $(if $(filter 1,$(FULL)),--full) $(if $(ONLY),--only $(ONLY))

lint: $(VENV)/.development ## Style, types, import contracts, migrations, templates
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
	$(LAUNCHER) exec --home var/lint -- $(PY) manage.py makemigrations --check --dry-run
	$(PY) -m djlint --lint --quiet templates

format: $(VENV)/.development ## Put the code into the house style
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

screenshots: $(VENV)/.development $(VENV)/.browser ## Pictures of a running product's pages into docs/images (ONLY=names)
	@EVENHAND_CHROMIUM="$$(cat $(VENV)/.browser)" $(PY) -m tests.screenshots $(ONLY)

requirements: $(VENV)/.installer ## Compile requirements*.in to the pinned requirements*.txt
	$(PY) -m uv pip compile --quiet --no-header --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	$(PY) -m uv pip compile --quiet --no-header --no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.txt

clean: ## Remove the environment and caches; the installation's data in var/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results staticfiles

# The test settings are named here because an environment variable outranks pytest's configuration.
with_services = EVENHAND_CHROMIUM="$$(cat $(VENV)/.browser)" DJANGO_SETTINGS_MODULE=console.settings.test \
	$(LAUNCHER) exec --home var/test --own -- $(1)

# --- the environment: each step leaves a stamp, so that a second start does nothing twice ---

$(VENV)/.installer:
	@set -e; \
	for candidate in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Evenhand needs Python 3.11 or newer; none was found (PYTHON=/path/to/python names one)." >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then echo "$$python cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)." >&2; exit 1; fi; \
	echo "Building the environment in $(VENV)."; \
	"$$python" -m venv $(VENV); \
	$(PY) -m pip install --quiet --disable-pip-version-check uv || echo "uv is not to be had here; pip does the same more slowly." >&2; \
	touch $@

# uv first; pip where uv cannot be had or cannot reach what pip is configured to reach.
install = $(PY) -m uv pip install --quiet --python $(PY) --compile-bytecode $(1) || $(PY) -m pip install --quiet --disable-pip-version-check $(1)

$(VENV)/.runtime: requirements.txt | $(VENV)/.installer
	@echo "Installing what Evenhand needs."
	@$(call install,-r requirements.txt)
	@$(PY) -m ml.native
	@touch $@

$(VENV)/.development: requirements.txt requirements-dev.txt | $(VENV)/.installer
	@echo "Installing what tests and lint need."
	@$(call install,-r requirements.txt -r requirements-dev.txt)
	@$(PY) -m ml.native
	@touch $@ $(VENV)/.runtime

# Holds the path of a Chromium that starts.
$(VENV)/.browser: | $(VENV)/.development
	@$(PY) -m console.launcher.browser > $@.new || { rm -f $@.new; exit 1; }
	@mv $@.new $@
