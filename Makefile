# Switchyard. `make` lists what there is; `make up` is all that a user needs.
SHELL := /bin/sh
PY := .venv/bin/python
JOBS ?= auto
NAME ?=
SECONDS ?= 1800
CLIENTS ?= 500
MUTANTS ?= 400
CALLS ?= 2500
SEEDS ?= 4
LEDGER_CALLS ?= 10000
PYTEST ?=
export PYTHON
# Only what stands on make's command line counts: some shells export HOST with another meaning.
ifeq ($(origin HOST),command line)
export SWITCHYARD__SERVER__HOST := $(HOST)
endif
ifeq ($(origin PORT),command line)
export SWITCHYARD__SERVER__PORT := $(PORT)
endif

.DEFAULT_GOAL := help
.PHONY: thorough fault-table help up down restart reload upgrade rollback install-service uninstall-service status logs test test-fast test-browser test-supervised test-webai test-tui fuzz sdk e2e soak limits ledger check format mutation bench bench-aistudio bench-webai browser webai tui docs clean environment

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

up: ## install, configure and start everything (HOST=0.0.0.0 PORT=8317)
	@sh scripts/start.sh

down: ## stop everything, after running calls have finished
	@sh scripts/stop.sh

restart: ## start the serving process anew, without refusing a connection (NAME=aistudio: stop and start that service)
	@$(PY) -m router restart $(NAME)

reload: ## replace the serving process without refusing a connection
	@$(PY) -m router reload-process

status: ## a table of the processes and what is wrong
	@sh scripts/status.sh

logs: ## follow the router's log (NAME=aistudio: the AI Studio service's; NAME=all)
	@sh scripts/logs.sh $(or $(NAME),router) -f

upgrade: ## go to the newest commit of this branch without losing a call
	@sh scripts/upgrade.sh

rollback: ## go back to the commit before the last upgrade
	@sh scripts/upgrade.sh back

install-service: ## run at boot under systemd (as root; RUN_AS=user, DESTDIR=folder for a dry run)
	@DESTDIR="$(DESTDIR)" RUN_AS="$(RUN_AS)" TRUST="$(TRUST)" sh scripts/install-service.sh install

uninstall-service: ## no more
	@DESTDIR="$(DESTDIR)" sh scripts/install-service.sh uninstall

environment:
	@ROOT="$(CURDIR)"; export ROOT; . scripts/environment.sh; make_environment dev

test: test-fast ## all tests but those in a browser: fast ones in parallel, then the SDKs beside the product as a user starts it
	@$(MAKE) --no-print-directory -j2 --output-sync=recurse e2e sdk $(BESIDE)

test-fast: environment ## the fast tests alone
	$(PY) -m pytest tests -n $(JOBS) -q $(PYTEST) -m "not sdk and not e2e and not browser and not webai and not fuzz"

thorough: environment ## the fast tests with ten times as many made-up examples and cuts (hours)
	FAULT_SWEEP=long $(MAKE) test-fast PYTEST="--hypothesis-profile thorough"

test-browser: environment ## the AI Studio service before a stand-in page, and the dashboard, in a real browser
	@missing=$$(sh scripts/dev/browser-programs.sh | tr '\n' ' '); [ -z "$$missing" ] || \
		{ echo "Not installed here, so some of these tests are skipped: apt-get install $$missing"; [ -z "$$CI" ]; }
	@sh scripts/dev/make-sdk-venvs.sh aistudio-test sdk-current
	.venvs/aistudio-test/bin/python -m pytest tests/services tests/router/dashboard -n $(JOBS) -q -m "browser and not supervised"

test-supervised: environment ## our services killed and wedged under the supervisor.conf that ships, with healthwatch as it is
	@sh scripts/dev/make-sdk-venvs.sh aistudio-test
	.venvs/aistudio-test/bin/python -m pytest tests/services/aistudio/test_supervised_in_browser.py -q

test-webai: environment ## the WebAI service with its optional packages, before stand-ins of what they ask
	@sh scripts/dev/make-sdk-venvs.sh webai-test
	.venvs/webai-test/bin/python -m pytest tests/services/webai -n $(JOBS) -q -m webai

fuzz: environment ## requests that are made of the description of the management API
	@sh scripts/dev/make-sdk-venvs.sh fuzz
	$(PY) -m pytest tests/fuzz -q -m fuzz

sdk: environment ## the official SDKs, two majors of each, against a running router
	@if [ -f scripts/dev/make-sdk-venvs.sh ]; then sh scripts/dev/make-sdk-venvs.sh; fi
	$(PY) -m pytest tests/sdk tests/docs -q -m "sdk and not browser"

e2e: environment ## a fresh clone, `make up` and the printed curl line; a short soak
	$(PY) -m pytest tests/e2e tests/soak -q -m e2e -n 3 --dist loadfile

ledger: environment ## the ledger beside what simulated providers counted, over random calls, cancels, faults and kills (LEDGER_CALLS=10000)
	LEDGER_CALLS=$(LEDGER_CALLS) $(PY) -m pytest tests/e2e/test_ledger_over_kills.py -q -s -m e2e

check: environment ## format, lint, types, import contracts, spelling, dead code, documents
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m vulture
	$(PY) -m codespell_lib
	@if [ -f scripts/dev/check_docs.py ]; then $(PY) scripts/dev/check_docs.py; fi

format: environment ## put the code into its format
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

soak: environment ## half an hour of mixed clients, erring providers and killed processes (SECONDS=1800 CLIENTS=500); report in build/
	$(PY) -m tests.soak --seconds $(SECONDS) --clients $(CLIENTS)

limits: environment ## limits of keys before random calls, in one process and over kills and reloads (CALLS=2500 SEEDS=4)
	LIMIT_CALLS=$(CALLS) LIMIT_SEEDS=$(SEEDS) $(PY) -m pytest tests/router/api/test_limits_at_random.py tests/e2e/test_limits_over_kills.py -q

mutation: environment ## how many small mistakes in the wire code its tests notice (slow; MUTANTS=400)
	$(PY) scripts/mutation/run.py --sample $(MUTANTS) --at-least 0.85

bench: environment ## measure against a bare proxy in the same run
	$(PY) scripts/bench/run.py

bench-aistudio: browser ## measure the AI Studio service before a stand-in page, in a real Chromium
	@sh scripts/dev/make-sdk-venvs.sh aistudio-test
	.venvs/aistudio-test/bin/python scripts/bench/aistudio.py

bench-webai: environment ## measure the WebAI service before a stand-in of Gemini's page, on one core
	@sh scripts/dev/make-sdk-venvs.sh webai-test
	.venvs/webai-test/bin/python scripts/bench/webai.py

webai: ## install what the WebAI service needs; EXTRAS="gemini g4f browser" adds packages under licences of their own
	@sh scripts/webai.sh $(EXTRAS)

tui: environment ## install what `switchyard tui` needs, in an environment of its own
	@sh scripts/dev/make-sdk-venvs.sh tui

test-tui: environment ## the screens of the terminal
	@sh scripts/dev/make-sdk-venvs.sh tui-test
	.venvs/tui-test/bin/python -m pytest tests/tui -q

browser: ## install what the AI Studio service needs: its environment, and a browser where that can be done
	@sh scripts/browser.sh

fault-table: environment ## make every fault, and write what clients see of it into docs/reliability.md
	$(PY) -m pytest tests/faults/test_matrix.py -q --write-fault-table

docs: environment ## write the generated references anew
	@if [ -f scripts/dev/make_docs.py ]; then $(PY) scripts/dev/make_docs.py; else echo "no generator yet"; fi

clean: ## remove what can be made again (not state/, not config/)
	rm -rf .venv .venvs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist bench-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
