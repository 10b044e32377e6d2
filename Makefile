# The front door. Every target sets up what it lacks and says what it does; `make help` lists them.

STACK  ?= local
# One's own orders if there are any, else the sample; what `order_folder` says, in orderguard/order_folders.py.
DATA   ?= $(if $(shell find data/raw -type f \( -name '*.ndjson' -o -name '*.ndjson.gz' \) ! -name 'sample-[0-9][0-9][0-9][0-9]-[0-9][0-9].ndjson' 2>/dev/null),data/raw,data/sample)
SAMPLE_TO_SCORE := data/score/sample.ndjson
ORDERS ?= $(SAMPLE_TO_SCORE)
RECORD ?= false
MODELS ?= models
CONFIG ?= ml/config.toml
HOME_FOLDER := .local
HISTORIES ?= $(HOME_FOLDER)/histories

PYTHON311 ?= python3.11
VENV    := .venv
PYTHON  := $(VENV)/bin/python
RUN_ENV := $(VENV)/.run-installed
DEV_ENV := $(VENV)/.dev-installed
UV      := $(VENV)/bin/uv
KEY     := $(HOME_FOLDER)/masking-key
DELIVERY := $(PYTHON) -m delivery
CHECKOV := $(VENV)/checkov/bin/checkov
BEAM    := $(VENV)/beam/bin/python
BEAM_ENV := $(VENV)/beam/.installed
# A key that a runner made for one run belongs to nobody: what depends on it (past cases, seed, names of files) isn't made then.
WHOSE_KEY = $(if $(filter 1,$(RUN_KEY)),--run-key,--histories "$(HISTORIES)")
# A stack on this machine begins with this machine's key, so that its outcomes join the orders that `make train` reads. Into the
# environment alone: the shell names the value in no argument.
SAME_KEY = ORDERGUARD_MASKING_KEY="$${ORDERGUARD_MASKING_KEY:-$${MASKING_KEY:-$$(cat "$$MASKING_KEY_FILE")}}"
# Who asks, for a service here that is not open to everybody: into the environment alone, too.
IDENTIFIED = IDENTITY_TOKEN="$${IDENTITY_TOKEN-$$(test -n "$$ORDERGUARD_URL" || $(PYTHON) -m infra.local token --stack "$(STACK)" 2>/dev/null)}"
ACTIONLINT := $(VENV)/bin/actionlint

# uv is ten times as fast as pip; where only pip knows the way to a package index (pip.conf), pip does it.
install = $(UV) pip install --quiet --require-hashes --python $(1) --requirement $(2) 2>/dev/null \
	|| $(1) -m pip install --quiet --require-hashes --requirement $(2)

PACKAGES := app bench data delivery infra ml orderguard packages policies
SUITE ?= all
SUITE_all := tests
SUITE_unit := tests/unit tests/infra tests/docs
SUITE_policies := tests/policies
SUITE_compliance := tests/compliance
SUITE_platform := tests/local_cloud tests/service tests/browser tests/rag tests/delivery tests/e2e

# A misspelt name would be taken for none, a misspelt stack for one without settings, a misspelt suite for all tests. Names with a _ are
# left alone: they are the environment's of a program.
FLAGS := FIELDS FORCE JSON RUN_KEY V YES
NAMES := $(FLAGS) ACCOUNT AREA AT AUDIENCE BASE CONFIG CORPUS CUSTOMER DATA DAYS FEATURES FEEDS FILE HISTORIES IMAGE IN KEY MAPPING MEANS MODEL MODELS ORDER ORDERS \
	OUT OUTCOME OUTCOMES PORT RECORD REGISTRY REVISION ROTATE RULES RUNNER SECRET SOURCE STACK SUITE TAG THRESHOLD TIME VERSION
TYPED := $(foreach name,$(.VARIABLES),$(if $(findstring _,$(name)),,$(if $(filter command,$(origin $(name))),$(name))))
ifneq ($(filter-out $(NAMES) PYTHON311 SHELL HOME PATH,$(TYPED)),)
$(error there is no variable $(filter-out $(NAMES) PYTHON311 SHELL HOME PATH,$(TYPED)); there are: $(NAMES))
endif
$(foreach flag,$(FLAGS),$(if $(filter command,$(origin $(flag))),$(if $(filter-out 1,$($(flag))),\
	$(error $(flag)=$($(flag)) means nothing; write $(flag)=1, or leave it out))))
GOALS := $(foreach goal,$(MAKECMDGOALS),$(if $(findstring /,$(goal)),,$(goal)))
NO_TARGETS := $(filter-out $(if $(GOALS),$(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))),$(GOALS))
ifneq ($(NO_TARGETS),)
$(error there is no target $(NO_TARGETS); `make help` lists them)
endif
STACKS := $(patsubst Pulumi.%.yaml,%,$(wildcard Pulumi.*.yaml))
ifeq ($(filter $(STACK),$(STACKS)),)
$(error there is no stack "$(STACK)"; there are: $(STACKS). For a new one, copy Pulumi.staging.yaml to Pulumi.$(STACK).yaml)
endif
ifndef SUITE_$(SUITE)
$(error there is no suite "$(SUITE)"; there are: all unit policies compliance platform)
endif

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where no byte code is kept, each process compiles anew what it imports: of a training's imports, two thirds of the time.
unexport PYTHONDONTWRITEBYTECODE
export MASKING_KEY_FILE ?= $(KEY)
export MODELS_DIR ?= $(MODELS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# ---- the platform -----------------------------------------------------------------------------------------------------------------------

.PHONY: up
up: $(RUN_ENV) $(KEY) engine champion ## > Bring the platform up on this machine (PORT=8080)
	@$(SAME_KEY) $(PYTHON) -m infra.local up --stack "$(STACK)" $(if $(PORT),--port "$(PORT)")
	@STACK="$(STACK)" DATA="$(DATA)" $(DELIVERY) seed-histories

.PHONY: open
open: $(RUN_ENV) ## > Print a link that opens its page: works once, for ten minutes
	@$(PYTHON) -m infra.local open --stack "$(STACK)"

.PHONY: score
score: $(RUN_ENV) ## > Score orders through it (ORDERS=file.ndjson, or any export)
	@test "$(ORDERS)" != "$(SAMPLE_TO_SCORE)" || test -f "$(SAMPLE_TO_SCORE)" || $(PYTHON) -m data.generator
	@file=$$($(PYTHON) -m data.importing.for_scoring --source "$(SOURCE)" --mapping "$(MAPPING)" "$(ORDERS)" ) && $(IDENTIFIED) $(PYTHON) -m app.score_table --record "$(RECORD)" "$$file"

.PHONY: status
status: $(RUN_ENV) ## > Say where it is, what it serves, how it is (V=1: all)
	@$(PYTHON) -m infra.local status --stack "$(STACK)" $(if $(filter 1,$(V)),--verbose)

.PHONY: env
env: $(RUN_ENV) ## Print the variables that lead Google's clients here
	@$(PYTHON) -m infra.local status --env --stack "$(STACK)"

.PHONY: token
token: $(RUN_ENV) ## Print an identity token for a service here (AUDIENCE=…)
	@$(PYTHON) -m infra.local token --stack "$(STACK)" $(if $(AUDIENCE),--audience "$(AUDIENCE)") $(if $(ACCOUNT),--account "$(ACCOUNT)")

.PHONY: preview
preview: $(RUN_ENV) $(if $(JSON),,engine champion) ## > Show what `up` would change, with the policies (STACK=prod)
	@STACK="$(STACK)" BASE="$(BASE)" JSON="$(JSON)" PULUMI_BACKEND_URL= $(DELIVERY) preview

.PHONY: down
down: $(RUN_ENV) ## > Take it all down; orders and models stay
	@$(PYTHON) -m infra.local down --stack "$(STACK)"

.PHONY: demo
demo: $(DEV_ENV) $(KEY) engine champion orders ## Show it all: orders come, a model trains, a bad one goes
	@$(PYTHON) -m delivery.demo

# ---- orders and models ------------------------------------------------------------------------------------------------------------------

.PHONY: import
import: $(RUN_ENV) ## > Make an order file of an export: CSV, Excel, JSON (FILE=…)
	@$(PYTHON) -m data.importing --source "$(SOURCE)" --mapping "$(MAPPING)" "$(FILE)"

.PHONY: train
train: $(RUN_ENV) $(KEY) orders ## > Train, check and promote a model version (DATA=folder)
	@$(PYTHON) -m ml train --data "$(DATA)" $(if $(FEATURES),--features "$(FEATURES)") --models "$(MODELS)" --config "$(CONFIG)" $(if $(OUTCOMES),--outcomes "$(OUTCOMES)") $(WHOSE_KEY)

.PHONY: backfill
backfill: $(RUN_ENV) $(KEY) $(if $(filter direct,$(RUNNER)),$(BEAM_ENV)) ## Features or scores of past orders (IN=… OUT=… MODEL=…)
	@$(if $(filter dataflow,$(RUNNER)),STACK="$(STACK)" IN="$(IN)" OUT="$(OUT)" MODEL="$(MODEL)" AT="$(AT)" $(DELIVERY) backfill,$(if $(filter direct,$(RUNNER)),$(BEAM),$(PYTHON)) -m ml backfill --in "$(or $(IN),$(DATA))" --out "$(OUT)" --runner "$(or $(RUNNER),local)" --model "$(MODEL)" --at "$(AT)" --models "$(MODELS)" --config "$(CONFIG)")

.PHONY: champion
champion: $(RUN_ENV) $(KEY) ## See that there is a champion; train one if not
	@test -f "$(MODELS)/CHAMPION" || $(MAKE) --no-print-directory orders
	@$(PYTHON) -m ml champion --data "$(DATA)" --models "$(MODELS)" --config "$(CONFIG)" $(if $(OUTCOMES),--outcomes "$(OUTCOMES)") $(WHOSE_KEY)

.PHONY: import-outcomes
import-outcomes: $(RUN_ENV) ## Hand a file of outcomes to the desk (FILE=…)
	@STACK="$(STACK)" FILE="$(FILE)" SOURCE="$(SOURCE)" MEANS="$(MEANS)" ORDER="$(ORDER)" OUTCOME="$(OUTCOME)" TIME="$(TIME)" $(DELIVERY) import-outcomes

.PHONY: export-outcomes
export-outcomes: $(RUN_ENV) ## Write the desk's outcomes where training reads them
	@STACK="$(STACK)" HISTORIES="$(HISTORIES)" $(DELIVERY) export-outcomes

.PHONY: backtest
backtest: $(RUN_ENV) $(KEY) champion ## What rules would have made of past orders (RULES=…)
	@$(PYTHON) -m ml backtest --data "$(DATA)" --models "$(MODELS)" --config "$(CONFIG)" --rules "$(or $(RULES),data/rules/example.toml)" --days "$(or $(DAYS),28)" \
		$(if $(THRESHOLD),--threshold "$(THRESHOLD)") $(if $(OUTCOMES),--outcomes "$(OUTCOMES)") --histories "$(HISTORIES)" $(VERSION)

.PHONY: check-rules
check-rules: $(RUN_ENV) $(KEY) ## Check a file of rules, say what it does (RULES=…)
	@$(PYTHON) -m orderguard.rules $(if $(filter 1,$(FIELDS)),--fields,"$(or $(RULES),data/rules/example.toml)")

.PHONY: models
models: $(RUN_ENV) ## List the model versions with their lineage
	@$(PYTHON) -m ml models --models "$(MODELS)"

.PHONY: promote
promote: $(RUN_ENV) ## Make a version the champion (VERSION=…)
	@$(PYTHON) -m ml promote --models "$(MODELS)" $(if $(filter 1,$(FORCE)),--force) $(VERSION)

.PHONY: rollback
rollback: $(RUN_ENV) ## Go back to the champion before this one
	@$(PYTHON) -m ml rollback --models "$(MODELS)"

.PHONY: forget
forget: $(RUN_ENV) $(KEY) ## Remove a customer everywhere (CUSTOMER=…)
	@STACK="$(STACK)" DATA="$(DATA)" $(DELIVERY) forget
	@$(PYTHON) -m app.forget
	@$(PYTHON) -m ml.forget --data "$(DATA)" --models "$(MODELS)" --histories "$(HISTORIES)"

.PHONY: seed-histories
seed-histories: $(RUN_ENV) ## Load what these orders say of customers into the store
	@STACK="$(STACK)" DATA="$(DATA)" HISTORIES_DIR="$(HISTORIES)" $(DELIVERY) seed-histories

.PHONY: files
files: $(RUN_ENV) $(KEY) ## Show which order file is which (DATA=folder)
	@$(PYTHON) -m ml files --data "$(DATA)"

.PHONY: orders
orders: $(RUN_ENV) ## Make the sample, where there are no orders of your own
	@$(PYTHON) -m data.generator.apart "$(DATA)"

# ---- checks -----------------------------------------------------------------------------------------------------------------------------

.PHONY: check
check: $(DEV_ENV) $(KEY) ## > Check a change in three minutes: the quick part of `test`
	@$(PYTHON) -m tests.check

.PHONY: test
test: lint types security lint-workflows secret-scan ## > Check everything that CI checks
	@rm -f reports/.coverage* reports/tests-*.xml
	@$(MAKE) --no-print-directory pytest SUITE=all
	@$(MAKE) --no-print-directory coverage
	@$(MAKE) --no-print-directory test-summary

.PHONY: lint
lint: $(DEV_ENV) ## Black (formatting) and Flake8 (logic, PEP 8)
	@echo "==> Black"; $(PYTHON) -m black --quiet --check . || { echo "Black would change files: run 'make format'"; exit 1; }
	@echo "==> Flake8"; $(PYTHON) -m flake8

.PHONY: format
format: $(DEV_ENV) ## Let Black format the code
	@$(PYTHON) -m black .

.PHONY: types
types: $(DEV_ENV) ## MyPy, strict, over every package
	@echo "==> MyPy"; $(PYTHON) -m mypy $(PACKAGES) tests

.PHONY: security
security: $(DEV_ENV) ## Bandit (static security analysis)
	@mkdir -p reports/sarif
	@echo "==> Bandit"; $(PYTHON) -m bandit --quiet --recursive --configfile pyproject.toml --format sarif --output reports/sarif/bandit.sarif $(PACKAGES) || \
		$(PYTHON) -m bandit --quiet --recursive --configfile pyproject.toml $(PACKAGES)

.PHONY: lint-workflows
lint-workflows: $(DEV_ENV) $(ACTIONLINT) $(CHECKOV) ## actionlint, zizmor, JSON Schema, yamllint, Checkov
	@echo "==> actionlint"; $(ACTIONLINT)
	@echo "==> zizmor"; $(VENV)/bin/zizmor --quiet --offline --config .github/zizmor.yml .github
	@echo "==> JSON Schema"; $(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@echo "==> yamllint"; $(VENV)/bin/yamllint --strict --config-file .github/yamllint.yml .github Pulumi*.yaml
	@echo "==> Checkov"; CHECKOV=$(CHECKOV) $(DELIVERY) check-workflows

.PHONY: package
package: $(RUN_ENV) ## Build the wheels of the policy pack and the local cloud
	@$(PYTHON) packages/policies/backend.py packages/dist
	@$(PYTHON) packages/cloud/backend.py packages/dist

.PHONY: audit
audit: $(DEV_ENV) ## Known vulnerabilities of the locked packages (network)
	@$(DELIVERY) audit

.PHONY: secret-scan
secret-scan: $(DEV_ENV) ## Credentials in the tracked files
	@$(DELIVERY) secret-scan

# No suite alone reaches the threshold of all: `coverage` holds it.
.PHONY: pytest
pytest: $(DEV_ENV) $(if $(filter all unit,$(SUITE)),$(BEAM_ENV)) engine champion ## The tests of one suite, with coverage (SUITE=unit)
	@mkdir -p reports
	@echo "==> tests ($(SUITE))"
	@COVERAGE_FILE=reports/.coverage.$(SUITE) $(PYTHON) -m pytest $(SUITE_$(SUITE)) --cov --cov-report= --cov-fail-under=0 --junitxml=reports/tests-$(SUITE).xml

.PHONY: coverage
coverage: $(DEV_ENV) ## Combine the suites' coverage, and hold the threshold
	@$(PYTHON) -m coverage combine --keep --data-file=reports/.coverage reports/.coverage.* >/dev/null
	@$(PYTHON) -m coverage xml --quiet --data-file=reports/.coverage -o reports/coverage.xml
	@$(PYTHON) -m coverage html --quiet --data-file=reports/.coverage --directory reports/coverage
	@$(PYTHON) -m coverage report --data-file=reports/.coverage

.PHONY: test-summary
test-summary: $(DEV_ENV) ## The test reports as a table
	@$(DELIVERY) test-summary

.PHONY: bench
bench: $(DEV_ENV) engine champion ## Measure (AREA=serving for one area); takes long
	@$(PYTHON) -m bench $(AREA) $(if $(filter feeds codes,$(AREA)),$(FEEDS)) $(if $(filter masking,$(AREA)),$(CORPUS))

# ---- from a commit to production (what the workflows run) ---------------------------------------------------------------------------------

.PHONY: check-orders
check-orders: $(RUN_ENV) $(KEY) ## Read, quarantine, mask and count orders (DATA=folder)
	@$(PYTHON) -m ml prepare --data "$(DATA)"

.PHONY: probe-orders promotion released-commit keep-promotions go-back doctor bootstrap drift-issue record-model model-summary gate-issue publish-model fetch-model fetch-champion preview-report preview-comment former-state check-tag push-image verify-image promote-image sign-image secrets state-copy deploy release fetch-records trace image scan-image
doctor: $(RUN_ENV) ## What a deployment needs, and what is missing (STACK=prod)
	@STACK="$(STACK)" $(DELIVERY) doctor
bootstrap: $(RUN_ENV) ## Lead through what is missing for a first deployment
	@STACK="$(STACK)" $(DELIVERY) bootstrap
drift-issue: $(RUN_ENV) ## Look for drift in a stack; open an issue (STACK=…)
	@STACK="$(STACK)" $(DELIVERY) drift-issue
record-model: $(RUN_ENV) ## Record the champion and its manifest's hash
	@$(DELIVERY) record-model
model-summary: $(RUN_ENV) ## The newest model version's card
	@$(DELIVERY) model-summary
gate-issue: $(RUN_ENV) ## Open an issue with the report of a failed gate
	@$(DELIVERY) gate-issue
publish-model: $(RUN_ENV) ## Copy a version into the model bucket (VERSION=…)
	@$(DELIVERY) publish-model
fetch-champion: $(RUN_ENV) ## Fetch the version trained before this commit
	@$(DELIVERY) fetch-champion
fetch-model: $(RUN_ENV) ## Fetch this commit's model version, and check it
	@STACK="$(STACK)" $(if $(MODEL),MODEL="$(MODEL)") $(DELIVERY) fetch-model
preview-report: $(RUN_ENV) engine champion ## A stack's preview as Markdown (STACK=…)
	@STACK="$(STACK)" $(DELIVERY) preview-report
preview-comment: $(RUN_ENV) ## Write or update the pull request's comment
	@$(DELIVERY) preview-comment
former-state: $(DEV_ENV) engine ## Record a release's stacks for the tests (TAG=v1.0.0)
	@$(PYTHON) -m tests.infra.former_state "$(TAG)"
check-tag: $(RUN_ENV) ## Check that the tag at HEAD may be released
	@$(DELIVERY) check-tag
push-image: $(RUN_ENV) ## Build and push the images by commit (REGISTRY=…)
	@$(DELIVERY) push-images
verify-image: $(RUN_ENV) ## Check the provenance of the images to deploy
	@$(DELIVERY) verify-image
sign-image: $(RUN_ENV) ## Sign them for the stack's attestor (STACK=…)
	@STACK="$(STACK)" $(DELIVERY) sign-image
secrets: $(RUN_ENV) engine ## Make the keys that a stack lacks (STACK=… ROTATE=…)
	@STACK="$(STACK)" SECRET="$(SECRET)" ROTATE="$(ROTATE)" $(DELIVERY) secrets
state-copy: $(RUN_ENV) engine ## Leave a copy of the state without secrets (STACK=…)
	@STACK="$(STACK)" $(DELIVERY) state-copy
promote-image: $(RUN_ENV) ## Bring the pushed images into this stack's registry
	@$(DELIVERY) promote-image
deploy: $(RUN_ENV) engine ## Deploy model and image by canary (STACK=…)
	@STACK="$(STACK)" $(if $(MODEL),MODEL="$(MODEL)") $(DELIVERY) deploy
promotion: $(RUN_ENV) engine ## Deploy the stack's own new champion (STACK=…)
	@STACK="$(STACK)" $(DELIVERY) promotion
released-commit: $(RUN_ENV) engine ## The commit whose program a stack runs (STACK=…)
	@STACK="$(STACK)" $(DELIVERY) released-commit
keep-promotions: $(RUN_ENV) ## Attach a promotion's records to its releases
	@$(DELIVERY) keep-promotions
go-back: $(RUN_ENV) engine ## Give all traffic to the revision before (STACK=…)
	@STACK="$(STACK)" REVISION="$(REVISION)" $(DELIVERY) go-back
release: $(RUN_ENV) ## Write the release notes of the tag at HEAD
	@$(DELIVERY) release
fetch-records: $(RUN_ENV) ## Fetch what the releases keep for the trace
	@$(DELIVERY) fetch-records
probe-orders: $(RUN_ENV) ## Record example orders for canaries (ORDERS=…)
	@ORDERS="$(ORDERS)" $(DELIVERY) probe-orders
trace: $(RUN_ENV) ## Where a version, tag, image or file comes from
	@VERSION="$(VERSION)" TAG="$(TAG)" IMAGE="$(IMAGE)" $(DELIVERY) trace
image: $(RUN_ENV) ## Build the images here, and say what they weigh
	@$(DELIVERY) build-images
scan-image: $(DEV_ENV) ## Known vulnerabilities of what the image holds
	@$(DELIVERY) scan-image

ON_THE_RUNS_PAGE := | tee -a "$${GITHUB_STEP_SUMMARY:-/dev/null}"

.PHONY: cloud-notice
cloud-notice:
	@echo "Nothing was deployed: the repository's variable GOOGLE_CLOUD is not \"on\". docs/technical/CICD_MLOPS_IMPLEMENTATION.md says what to set up first." $(ON_THE_RUNS_PAGE)

.PHONY: snyk
snyk: $(RUN_ENV) ## Snyk over the packages that run (needs its CLI and token)
	@mkdir -p reports
	@snyk test --file=requirements/run.txt --package-manager=pip --command=$(abspath $(PYTHON)) --severity-threshold=high --sarif-file-output=reports/snyk.sarif

.PHONY: snyk-notice
snyk-notice:
	@echo "Snyk did not run: the repository has no secret SNYK_TOKEN. pip-audit, Bandit and CodeQL ran; add the token to have Snyk too." $(ON_THE_RUNS_PAGE)

.PHONY: environment-run environment-dev environment-checks
environment-run: $(RUN_ENV)
environment-dev: $(DEV_ENV)
environment-checks: $(DEV_ENV) $(ACTIONLINT) $(CHECKOV) $(BEAM_ENV)

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

$(UV): requirements/uv.txt | $(PYTHON)
	@$(PYTHON) -m pip install --quiet --require-hashes --requirement $<
	@touch $@

$(RUN_ENV): requirements/run.txt | $(UV)
	@echo "==> packages, by hash, from requirements/run.txt"
	@$(call install,$(PYTHON),$<)
	@touch $@

$(DEV_ENV): requirements/dev.txt | $(UV)
	@echo "==> packages, by hash, from requirements/dev.txt"
	@$(call install,$(PYTHON),$<)
	@touch $@ $(RUN_ENV)

$(CHECKOV): requirements/checkov.txt | $(UV)
	@echo "==> Checkov, by hash, in an environment of its own"
	@$(PYTHON311) -m venv $(VENV)/checkov
	@$(call install,$(VENV)/checkov/bin/python,$<)
	@touch $@

$(BEAM_ENV): requirements/beam.txt | $(UV)
	@echo "==> Beam, by hash, in an environment of its own"
	@$(PYTHON311) -m venv $(VENV)/beam
	@$(call install,$(BEAM),$<)
	@touch $@

$(ACTIONLINT): | $(PYTHON)
	@echo "==> actionlint, from its Go module"
	@command -v go >/dev/null 2>&1 || { echo "actionlint is built with Go, which is not here: install Go (https://go.dev/dl), or put actionlint into $(VENV)/bin"; exit 2; }
	@GOBIN=$(abspath $(VENV)/bin) go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: pages
pages: $(DEV_ENV) ## Write the pages on features and rules, and the inventory
	@$(PYTHON) -m ml.feature_page
	@$(PYTHON) -m policies.page
	@$(PYTHON) -m policies.frameworks
	@$(PYTHON) -m tests.infra.inventories

.PHONY: pictures
pictures: $(DEV_ENV) engine champion ## Make the README's pictures again, from a running platform
	@$(PYTHON) -m bench.pictures

.PHONY: lock
lock: $(DEV_ENV) ## Compile the requirements again, with hashes
	@cd requirements && ../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 dev.in -o dev.txt
	@cd requirements && for name in serve vertex train infra run uv bench-fuzz bench-feeds; do \
		../$(VENV)/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -c dev.txt $$name.in -o $$name.txt || exit 1; done
	@cd requirements && ../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 checkov.in -o checkov.txt
	@cd requirements && ../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 bench-masking.in -o bench-masking.txt
	@cd requirements && grep -E "^($$(grep -E '^[a-z]+$$' beam.in | paste -s -d '|'))==" dev.txt | cut -d ' ' -f 1 > beam.pins && \
		../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --python-version 3.11 -c beam.pins beam.in -o beam.txt; \
		status=$$?; rm -f beam.pins; exit $$status

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^# ---- / {gsub(/^# -+ | -+$$/, ""); group = "\n" $$0 "\n"} \
		/^[a-z-]+:.*## > / {first = first sprintf("  %-15s %s\n", $$1, substr($$2, 3)); next} \
		/^[a-z-]+:.*## / {rest = rest group sprintf("  %-15s %s\n", $$1, $$2); group = ""} \
		END {printf "make TARGET [NAME=value ...]\n\nthe ten to begin with\n%s%s", first, rest; \
			print "\nEach target and its variables: docs/technical/commands.md"}' $(MAKEFILE_LIST)
