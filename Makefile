# Every target sets up what it needs; `make` alone says what there is.
MAKEFLAGS += --no-print-directory
SHELL := bash
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Python may keep what it compiles, even where it is told not to: the same files are read by a thousand processes.
export PYTHONDONTWRITEBYTECODE :=

COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 \
	$(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-terraform coverage contract check check-ruff check-mypy check-yaml check-ansible check-shell lambda lambda-rollback wheel test-images test-hosts bench bench-gpu bench-runbooks chaos load lock plan prices clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install the locked dependencies and the model into .venv (first time: a minute or two)
	@ci/bootstrap.sh

demo: setup ## run the main job on this machine: wake the node, answer two prompts, resize it, let it fall asleep
	@tl demo

# Half of the time is waiting, so files run side by side, one more than there are cores, and the quick ones (unit) last.
test: setup ## run every test that needs neither containers nor Terraform; more options: make test ARGS="-k queue"
	@pytest -m "not terraform and not hosts" -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# Not in `make test`, which tracing would slow down; these tests alone reach what LAM-001 asks for.
coverage: setup ## measure how much of the handlers and the domain their tests reach; less than 95 % fails
	@pytest -q tests/unit tests/contract/api/test_found_by_fuzzing.py $(wildcard tests/integration/test_*.py) \
	  tests/ansible/test_address.py tests/ansible/test_audit.py tests/ansible/test_budget.py --ignore=tests/unit/test_house.py \
	  --cov=lambdas --cov=tinyllama/domain --cov-report=term-missing:skip-covered --cov-fail-under=95 $(ARGS)

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

# In the order of the files' names: one stack is applied, looked at, changed, and destroyed. Where neither terraform nor a
# provider can be had, all of it is skipped and says so.
test-terraform: setup ## apply the real root to the local AWS with the real provider, use it, and destroy it (six minutes, fifteen on a slow machine)
	@pytest tests/terraform $(ARGS)

plan: setup ## plan what terraform apply would change, into terraform/plan; refused where a bucket's name is taken
	@terraform -chdir=terraform plan -out=plan && python -m local.bucket_names terraform/plan

prices: setup ## compare the prices that tl cost reckons with to the AWS Price List API; needs credentials, changes nothing
	@python -m local.prices

lambda: setup ## build what Lambda is given, into build/lambda: one zip of our code, one layer an architecture, a manifest
	@python ci/build_lambda.py

lambda-rollback: setup ## put the router back to the version before, or make lambda-rollback VERSION=7; CHECK=1 only shows the plan
	@ansible-playbook playbooks/rollback.yml -e confirm=tinyllama-router $(if $(VERSION),-e version=$(VERSION)) $(if $(CHECK),--check --diff)

wheel: setup ## build what the hosts are given, into build/wheel: the same bytes from the same commit
	@rm -rf build/wheel && python -m hatchling build -t wheel -d build/wheel

test-images: ## make the image that roles are tested on, or say what is missing for it
	@local/host_image.sh || (($$? == 3))

test-hosts: setup wheel ## apply every role to systemd hosts in podman and look at what it does; one role: make test-hosts ROLE=docker; a real node in the whole story: ROLE=story
	@python -m tests.hosts $(ROLE)

bench: setup ## measure against other ways to do the same, into build/bench.json; one part: make bench ONLY=router; more rounds of tokens/s: LONGER=8
	@python -m tests.bench $(ONLY)

bench-gpu: setup ## measure what the worker adds to an engine on a GPU, into build/bench-gpu.json; says why where there is none
	@python -m tests.bench.gpu

bench-runbooks: ## measure resize.yml beside amazon.aws.ec2_instance, and doing nothing beside an empty play
	@$(MAKE) bench ONLY=runbooks

chaos: setup ## hurt workers and Redis for minutes and see whether anything is lost; make chaos SEED=2 MINUTES=1 JOBS=1000
	@python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(JOBS),--jobs $(JOBS)) \
	  $(if $(WORKERS),--workers $(WORKERS)) $(if $(QUEUE),--queue $(QUEUE)) $(if $(NETWORK),--network $(NETWORK))

load: setup ## send 200 requests/s for 60 s to a platform of its own, into build/load.json
	@python -m tests.load

lock: setup ## write the lock files from pyproject.toml and requirements/*.in; newest versions: make lock UPGRADE=1
	@$(COMPILE) requirements/uv.in --output-file requirements/uv.lock
	@$(COMPILE) pyproject.toml --all-extras --output-file requirements/dev.lock
	@$(COMPILE) requirements/model.in --no-deps --output-file requirements/model.lock
	@$(COMPILE) requirements/lambda.in --constraint requirements/dev.lock --output-file requirements/lambda.lock
	@$(COMPILE) requirements/peers.in --output-file requirements/peers.lock
	@$(COMPILE) requirements/checkov.in --output-file requirements/checkov.lock
	@$(COMPILE) requirements/peer-ansible.in --constraint requirements/dev.lock --output-file requirements/peer-ansible.lock
	@$(COMPILE) requirements/peer-arq.in --output-file requirements/peer-arq.lock
	@$(COMPILE) pyproject.toml --extra worker --constraint requirements/dev.lock --output-file requirements/worker.lock
	@$(COMPILE) requirements/engine.in --constraint requirements/dev.lock --output-file requirements/engine.lock
	@$(COMPILE) requirements/hosts.in --constraint requirements/dev.lock --output-file requirements/hosts.lock
	@ci/bootstrap.sh

clean: ## remove what was built and every cache, but not .venv
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible .coverage coverage.xml
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
