STACK ?= dev
PYTHON ?= python3
STEPS ?= docs/release-plan.yaml
SANDBOX = $(PYTHON) -m sandbox

.PHONY: up down preview status recover plan test test-unit lint bench venv cluster

up preview recover status:
	@$(SANDBOX) $@ --stack $(STACK)

down cluster venv:
	@$(SANDBOX) $@

plan: venv
	@.venv/bin/python plan.py $(STEPS) --stack $(STACK)

test: cluster
	.venv/bin/python -m pytest tests

test-unit: venv
	.venv/bin/python -m pytest tests/unit

lint: venv
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/pyright

bench: cluster
	.venv/bin/python -m tests.bench
