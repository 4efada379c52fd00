# `make run` starts Mission Control; `make test` proves it. See README.md.

SECONDS ?= 60
PY = .venv/bin/python
# The type checker reads the settings, which want addresses though nobody connects to them.
NOWHERE = DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing BROKER_URL=redis://127.0.0.1:1/0

.PHONY: run test bench soak web worker mail beat lint upgrade venv venv-dev

run: venv
	@exec $(PY) -m alai.supervisor

web worker mail beat: venv
	@exec $(PY) -m alai.supervisor $@

test: venv-dev
	$(PY) -m pytest

bench: venv-dev
	$(PY) -m tests.benchmarks

soak: venv-dev
	$(PY) -m tests.chaos --seconds $(SECONDS)

lint: venv-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(NOWHERE) $(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) manage.py check --deploy --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run

venv:
	@bin/ensure-venv requirements.txt

venv-dev:
	@bin/ensure-venv requirements-dev.txt

upgrade: venv
	@exec $(PY) -m alai.kernel.backup.upgrade
