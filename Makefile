# Every target sets up what it needs; `make` alone says what there is.
MAKEFLAGS += --no-print-directory
SHELL := bash
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 \
	$(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help setup demo test contract check check-ruff check-mypy check-yaml check-ansible check-shell lambda bench load lock clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install the locked dependencies and the model into .venv (first time: a minute or two)
	@ci/bootstrap.sh

demo: setup ## run the main job on this machine: wake the node, answer two prompts, resize it, let it fall asleep
	@tl demo

# Not in parallel: two processes on two cores took as long as one (39 and 41 s), and timings stay undisturbed.
test: setup ## run every test that needs neither containers nor Terraform; more options: make test ARGS="-k queue"
	@pytest $(ARGS)

# Not in `make test`: newman comes from npm, and 5,000 cases take a minute and a half.
contract: setup ## test the HTTP contract: the Postman collection, then 5,000 fuzzed requests; other seeds: make contract SEED=2
	@if command -v npm >/dev/null; then \
	  $(MAKE) node_modules/.package-lock.json && python -m tests.contract.api.collection; \
	else echo "contract: the Postman collection is SKIPPED, for lack of npm: install Node.js 18 or newer"; fi
	@FUZZ_CASES=5000 FUZZ_SEED=$(or $(SEED),1) pytest tests/contract/api $(ARGS)

node_modules/.package-lock.json: package.json package-lock.json
	@npm ci --loglevel=error
	@touch $@

check: check-ruff check-mypy check-yaml check-ansible check-shell ## check style, types, YAML, playbooks and shell scripts

check-ruff: setup
	@ruff check --quiet .
	@ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@echo "ruff: passed"

check-mypy: setup
	@mypy --no-error-summary
	@echo "mypy: passed"

check-yaml: setup
	@git ls-files -z --cached --others --exclude-standard '*.yml' '*.yaml' | xargs -0 yamllint --strict
	@echo "yamllint: passed"

check-ansible: setup
	@ansible-lint --offline --profile production -q
	@echo "ansible-lint: passed"

check-shell: setup
	@git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run | xargs -0 shellcheck
	@echo "shellcheck: passed"

lambda: setup ## build what Lambda is given, into build/lambda: one zip of our code, one layer an architecture, a manifest
	@python ci/build_lambda.py

bench: setup ## measure against other ways to do the same, into build/bench.json; one part: make bench ONLY=router
	@python -m tests.bench $(ONLY)

load: setup ## send 200 requests/s for 60 s to a platform of its own, into build/load.json
	@python -m tests.load

lock: setup ## write the lock files from pyproject.toml and requirements/*.in; newest versions: make lock UPGRADE=1
	@$(COMPILE) requirements/uv.in --output-file requirements/uv.lock
	@$(COMPILE) pyproject.toml --all-extras --output-file requirements/dev.lock
	@$(COMPILE) requirements/model.in --no-deps --output-file requirements/model.lock
	@$(COMPILE) requirements/lambda.in --constraint requirements/dev.lock --output-file requirements/lambda.lock
	@ci/bootstrap.sh

clean: ## remove what was built and every cache, but not .venv
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible .coverage coverage.xml
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
