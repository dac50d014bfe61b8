STACK ?= dev
PYTHON ?= python3
PACKAGES ?=
SANDBOX = $(PYTHON) -m sandbox
IN_SANDBOX = $(shell $(PYTHON) -c "from sandbox.environment import in_sandbox as a; print(a('$(STACK)') or '')")
# A shell that has read nothing finds the sandbox, if the stack is its own.
TOOL = $(if $(IN_SANDBOX),test -f .sandbox/env || { echo "error: the sandbox does not run: \`make up\` starts it" >&2; exit 1; }; . .sandbox/env &&) .venv/bin/python -m tools

.PHONY: up down preview recover plan adopt leave release watch test test-unit test-packages lint bench venv cluster

up preview recover:
	@$(SANDBOX) $@ --stack $(STACK)

cluster venv:
	@$(SANDBOX) $@

down:
	@$(if $(filter command,$(origin STACK)),$(error make down ends the whole sandbox and every stack in it: leave out STACK=; to end one release: make leave STACK=$(STACK)))$(SANDBOX) $@

plan adopt leave release watch: .venv/complete

plan: PLAN ?= docs/release-plan.yaml
plan:
	@.venv/bin/python -m tools.plan "$(PLAN)" --stack $(STACK)

adopt:
	@$(TOOL).adopt "$(NAME)" --namespace "$(NAMESPACE)" --stack $(STACK) $(if $(filter yes,$(GO)),--go)

leave:
	@$(TOOL).leave --stack $(STACK)

release:
	@$(TOOL).release "$(PLAN)" --stack $(STACK) $(if $(COMMIT),--commit $(COMMIT)) $(OPTIONS)

watch:
	@$(TOOL).watch --stack $(STACK) $(OPTIONS)

# Only when it is out of date: a watch does not wait for the update that it shall show.
.venv/complete: requirements.txt requirements-dev.txt components/pyproject.toml tools/watch/requirements.txt constraints.txt
	@$(SANDBOX) venv && touch $@

test: cluster
	.venv/bin/python -m pytest tests --numprocesses 2 --dist loadfile -m "not alone"
	.venv/bin/python -m pytest tests -m alone

test-unit: venv
	.venv/bin/python -m pytest tests/unit

# The unit tests on other packages than constraints.txt names, in an environment of their own.
test-packages: NAME ?= newest
test-packages:
	$(PYTHON) -m venv --clear .sandbox/packages/$(NAME)
	.sandbox/packages/$(NAME)/bin/python -m pip install --quiet --upgrade --disable-pip-version-check \
		--requirement requirements.txt --requirement requirements-dev.txt $(PACKAGES)
	.sandbox/packages/$(NAME)/bin/python -m pytest tests/unit

lint: venv .venv/bin/actionlint
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/pyright
	.venv/bin/actionlint
	.venv/bin/zizmor --offline --pedantic --quiet --no-progress .github

.venv/bin/actionlint: | venv
	GOBIN=$(CURDIR)/.venv/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

bench: cluster
	.venv/bin/python -m tests.bench
