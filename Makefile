STACK ?= dev
PYTHON ?= python3
STEPS ?= docs/release-plan.yaml
SANDBOX = $(PYTHON) -m sandbox

.PHONY: up down preview status recover plan adopt watch test test-unit lint bench venv cluster

up preview recover status:
	@$(SANDBOX) $@ --stack $(STACK)

down cluster venv:
	@$(SANDBOX) $@

plan: venv
	@.venv/bin/python plan.py $(STEPS) --stack $(STACK)

adopt: venv
	@.venv/bin/python adopt.py "$(NAME)" --namespace "$(NAMESPACE)" --service "$(SERVICE)" --beside "$(BESIDE)" --stack $(STACK)

watch: .venv/complete
	@$(if $(shell $(PYTHON) -c "from sandbox.environment import in_sandbox as a; print(a('$(STACK)') or '')"),KUBECONFIG=.sandbox/kubeconfig) .venv/bin/python -m observe --stack $(STACK) $(OPTIONS)

# Only when it is out of date: a watch does not wait for the update that it shall show.
.venv/complete: requirements.txt requirements-dev.txt observe/requirements.txt
	@$(SANDBOX) venv && touch $@

test: cluster
	.venv/bin/python -m pytest tests

test-unit: venv
	.venv/bin/python -m pytest tests/unit

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
