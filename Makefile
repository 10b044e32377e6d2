# The front door. Every target sets up what it lacks and says what it does; `make help` lists them.

STACK  ?= local
PORT   ?= 8080
DATA   ?= data/raw
ORDERS ?= data/score/sample.ndjson
MODELS ?= models
HOME_FOLDER := .local

PYTHON311 ?= python3.11
VENV    := .venv
PYTHON  := $(VENV)/bin/python
RUN_ENV := $(VENV)/.run-installed
DEV_ENV := $(VENV)/.dev-installed
KEY     := $(HOME_FOLDER)/masking-key

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MASKING_KEY_FILE ?= $(KEY)
export MODELS_DIR ?= $(MODELS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# ---- the platform -----------------------------------------------------------------------------------------------------------------------

.PHONY: up
up: $(RUN_ENV) engine $(MODELS)/CHAMPION ## Bring the whole platform up on this machine (PORT=8080)
	@$(PYTHON) -m infra.local up --stack $(STACK) --port $(PORT)

.PHONY: preview
preview: $(RUN_ENV) engine $(MODELS)/CHAMPION ## Show what `up` would change, with the policies (STACK=local|staging|prod)
	@$(PYTHON) -m infra.local preview --stack $(STACK)

.PHONY: down
down: $(RUN_ENV) ## Destroy the stack and stop every process that `up` started; orders and models stay
	@$(PYTHON) -m infra.local down --stack $(STACK)

.PHONY: status
status: $(RUN_ENV) ## Show the resources, revisions and processes of the local cloud
	@$(PYTHON) -m infra.local status --stack $(STACK)

.PHONY: score
score: $(RUN_ENV) ## Score orders through the running service (ORDERS=file.ndjson)
	@$(PYTHON) -m app.score_table $(ORDERS)

# ---- orders and models ------------------------------------------------------------------------------------------------------------------

.PHONY: train
train: $(RUN_ENV) $(KEY) orders ## Train, check and promote a model version (DATA=data/raw)
	@$(PYTHON) -m ml train --data $(DATA) --models $(MODELS)

.PHONY: models
models: $(RUN_ENV) ## List the model versions with their lineage; the champion is marked
	@$(PYTHON) -m ml models --models $(MODELS)

.PHONY: promote
promote: $(RUN_ENV) ## Make a version the champion (VERSION=…)
	@$(PYTHON) -m ml promote --models $(MODELS) $(VERSION)

.PHONY: rollback
rollback: $(RUN_ENV) ## Go back to the champion before this one
	@$(PYTHON) -m ml rollback --models $(MODELS)

.PHONY: orders
orders: $(RUN_ENV) ## Make the sample of orders, where data/raw holds no orders at all
	@ls data/raw/*.ndjson* >/dev/null 2>&1 || $(PYTHON) -m data.generator

$(MODELS)/CHAMPION: | $(RUN_ENV)
	@$(MAKE) --no-print-directory train

# ---- checks -----------------------------------------------------------------------------------------------------------------------------

.PHONY: test
test: lint types security engine $(MODELS)/CHAMPION ## Everything that CI checks
	@mkdir -p reports
	@echo "==> tests"
	@$(PYTHON) -m pytest tests --cov --cov-report=term --cov-report=xml:reports/coverage.xml --cov-report=html:reports/coverage --junitxml=reports/tests.xml

.PHONY: lint
lint: $(DEV_ENV) ## Black (formatting) and Flake8 (logic, PEP 8)
	@echo "==> Black"; $(PYTHON) -m black --quiet --check . || { echo "Black would change files: run 'make format'"; exit 1; }
	@echo "==> Flake8"; $(PYTHON) -m flake8

.PHONY: format
format: $(DEV_ENV) ## Let Black format the code
	@$(PYTHON) -m black .

.PHONY: types
types: $(DEV_ENV) ## MyPy, strict, over every package
	@echo "==> MyPy"; $(PYTHON) -m mypy app bench data infra ml orderguard policies

.PHONY: security
security: $(DEV_ENV) ## Bandit (static security analysis)
	@echo "==> Bandit"; $(PYTHON) -m bandit --quiet --recursive --configfile pyproject.toml app bench data infra ml orderguard policies

.PHONY: bench
bench: $(DEV_ENV) engine $(MODELS)/CHAMPION ## Measure speed, memory, masking, retrieval (AREA=serving for one); takes long
	@$(PYTHON) -m bench $(AREA)

# ---- what they stand on -----------------------------------------------------------------------------------------------------------------

.PHONY: engine
engine: $(RUN_ENV) ## Get the Pulumi engine of the pinned version
	@$(PYTHON) -m infra.local engine

$(KEY): | $(RUN_ENV)
	@$(PYTHON) -m orderguard.masking key-file $@

$(PYTHON):
	@command -v $(PYTHON311) >/dev/null 2>&1 || { \
		echo "orderguard needs Python 3.11: install it (Debian and Ubuntu: apt-get install python3.11 python3.11-venv), or name it: make PYTHON311=/path/to/python3.11"; exit 2; }
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON311) -m venv $(VENV)

$(RUN_ENV): requirements/run.txt | $(PYTHON)
	@echo "==> packages, by hash, from requirements/run.txt (a minute or two the first time)"
	@$(PYTHON) -m pip install --quiet --require-hashes --requirement $<
	@touch $@

$(DEV_ENV): requirements/dev.txt | $(PYTHON)
	@echo "==> packages, by hash, from requirements/dev.txt (a minute or two the first time)"
	@$(PYTHON) -m pip install --quiet --require-hashes --requirement $<
	@touch $@ $(RUN_ENV)

.PHONY: lock
lock: $(DEV_ENV) ## Compile the requirements again, with hashes and without a registry's name
	@cd requirements && ../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 dev.in -o dev.txt
	@cd requirements && for name in serve train infra run; do \
		../$(VENV)/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -c dev.txt $$name.in -o $$name.txt || exit 1; done
	@cd requirements && ../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 checkov.in -o checkov.txt

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
