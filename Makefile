# The first target prints what there is. Nothing but Python, make and git need be installed.
.DEFAULT_GOAL := help
.PHONY: help run test check attack interop bench format lint types imports docs migration fast-hash lock

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# uv brings its own root certificates and fails behind a private one; this makes it use the machine's.
export UV_SYSTEM_CERTS := 1
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# Many images forbid bytecode; every start would then compile the whole service again.
export PYTHONDONTWRITEBYTECODE :=

help: ## Print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Serve on http://127.0.0.1:8000, with a database of its own
	@GATEHOUSE_ENVIRONMENT=$${GATEHOUSE_ENVIRONMENT:-development} exec $(BIN)/python -m app.cli serve

test: $(INSTALLED) ## Run the tests
	@$(BIN)/pytest -n 2 -m "not attack and not interop"

check: $(INSTALLED) ## Run what CI runs: format, lint, types, imports, tests with branch coverage
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2 -m "not attack and not interop"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

attack: $(INSTALLED) ## Run the long drills: races across workers, statistics of time, kill and cut
	@$(BIN)/pytest -m attack

interop: $(INSTALLED) ## Let other people's clients verify the tokens (needs node and npm)
	@npm ci --silent --prefix tests/interop
	@$(BIN)/pytest tests/interop -m interop

bench: $(INSTALLED) ## Measure how fast it is, beside this machine's limits (needs wrk)
	@$(BIN)/python -m bench $(args)

format: $(INSTALLED) ## Format, and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(INSTALLED) ## Run Ruff
	@$(BIN)/ruff check .

types: $(INSTALLED) ## Run mypy
	@$(BIN)/mypy

imports: $(INSTALLED) ## Check who may import whom
	@$(BIN)/lint-imports

docs: $(INSTALLED) ## Make the generated pages anew: .env.example, configuration, asvs
	@$(BIN)/python -m app.cli env-example > .env.example
	@$(BIN)/python -m app.cli configuration > docs/configuration.md
	@$(BIN)/python -m tests.house.asvs > docs/asvs.md

migration: $(INSTALLED) ## Draft the next migration from the tables: make migration name=words_for_it
	@$(BIN)/python -m migrations.draft "$(name)"

fast-hash: $(INSTALLED) ## Build the password hash for AVX2 (needs a C compiler): up to twice as many sign-ins a second
	@sh requirements/fast-hash $(BIN)/python $(VENV)/argon2
	@$(BIN)/uv pip install --quiet --no-deps --reinstall --compile-bytecode $(VENV)/argon2/*.whl
	@echo "Argon2 is built for AVX2 now: \`$(BIN)/python -m app.cli calibrate\` says what it yields. The wheel's comes back when" \
		"the pins change, or by \`rm $(INSTALLED)\` and any other target."

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

lock: $(INSTALLED) ## Pin every dependency anew, with hashes (UPGRADE=1: the newest)
	@for name in uv build main dev argon2 argon2-build; do \
		$(COMPILE) $(if $(UPGRADE),--upgrade) requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

# A stamp: as long as the pins do not change, nothing is asked of anybody.
$(INSTALLED): requirements/uv.txt requirements/dev.txt
	@$(BIN)/python -c '' 2>/dev/null || sh requirements/make-venv "$(VENV)" $(PYTHON)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@rm -rf $(VENV)/argon2
	@$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --reinstall-package argon2-cffi-bindings requirements/dev.txt
	@touch $@
