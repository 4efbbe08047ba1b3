# Everything a person or CI runs. `make` alone lists it.
PYTHON ?= python3
VENV   := .venv
PORT   ?= 8180
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CROWD  := tests/e2e/test_concurrency.py
# Beside the crowd what has clouds of its own, too.
WAITING := $(CROWD) $(addprefix tests/e2e/test_,demo.py https.py bulk.py kill_switch.py)
# What comes in and what people are told, in a process of its own: half of all the others.
TALKING := $(addprefix tests/e2e/test_,slack.py slack_window.py feishu_chat.py dingtalk_robot.py \
  break_glass.py notifications.py switch.py watching.py limits.py eventbridge.py dingtalk.py feishu.py \
  jira.py github.py servicenow.py misleading_records.py leaks.py bad_input.py leaked_keys.py \
  verify_audit.py http_sources.py refusals_on_record.py)
DECISIVE := build/decisive

.DEFAULT_GOAL := help
.PHONY: help demo serve try provision revoke rotate retire report posture sweep-plan verify-audit test test-crowd test-talk test-e2e test-faults test-rest bulk crowd bench-sweep bench-cold life faults lint docs package clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements.txt requirements-dev.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "akwarden needs Python 3.11 or later; set PYTHON=..."; exit 1; }
	@echo "installing into $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	@touch $@

demo: $(STAMP)  ## one approval from its webhook to a working AccessKey, shown and proved
	@$(BIN)/python -m demo.show

serve: $(STAMP)  ## the same local cloud, left running, with a ready-to-paste curl
	@PORT=$(PORT) exec $(BIN)/python -m demo.serve

try: $(STAMP)  ## let a vendor tell a running `make serve` of an approval: make try SOURCE=dingtalk
	@test -n "$(SOURCE)" || { echo "which one? make try SOURCE=dingtalk (or feishu, jira, github, slack, feishu-chat, dingtalk-robot, eventbridge, servicenow, standard-webhooks)"; exit 2; }
	@$(BIN)/python -m demo.attempt $(SOURCE) --port $(PORT)

provision: $(STAMP)  ## create what akwarden needs in an account (settings and credentials: README)
	@$(BIN)/python -m deploy.provision

revoke: $(STAMP)  ## end grants by one order: make revoke ARGS='--application orders --dry-run'
	@$(BIN)/python -m deploy.revoke $(ARGS)

rotate: $(STAMP)  ## replace one key: make rotate ARGS='--application orders --environment prod'
	@$(BIN)/python -m deploy.rotate $(ARGS)

verify-audit: $(STAMP)  ## verify the audit log and its digests (ARGS="--since 2026-09-01")
	@$(BIN)/python -m deploy.verify_audit $(ARGS)

retire: $(STAMP)  ## give up a hand-made user's keys: make retire ARGS='--ram-user U --dry-run'
	@$(BIN)/python -m deploy.retire $(ARGS)

report: $(STAMP)  ## the inventory of all keys as an HTML page (build/report.html)
	@$(BIN)/python -m deploy.report

posture: $(STAMP)  ## what is wrong with the account's users, keys and policies; changes nothing
	@$(BIN)/python -m deploy.posture

sweep-plan: $(STAMP)  ## what the next sweep would do; changes nothing (ARGS=--everybody: the daily look)
	@$(BIN)/python -m deploy.sweep_plan $(ARGS)

test: $(STAMP)  ## every test but the long ones (make faults, bulk, crowd, life), in seven processes
	@rm -rf $(DECISIVE)
	@$(MAKE) --no-print-directory -j7 LIFE=20x200 test-crowd test-talk test-e2e test-faults test-rest life-1 life-2
	@AKW_DECISIVE_OF=$(DECISIVE) $(BIN)/python -m pytest tests/e2e/test_roles.py -k granted

# The crowd waits out leases for minutes, and half of the other end-to-end tests' time is waited too:
# the lives take what is left. Each part's output is shown when it has ended.
test-crowd: $(STAMP)
	@mkdir -p build
	@$(BIN)/python -m pytest $(WAITING) --durations=10 > build/test-crowd.log 2>&1; \
	  ended=$$?; cat build/test-crowd.log; exit $$ended

test-talk: $(STAMP)
	@mkdir -p build
	@AKW_DECISIVE=$(DECISIVE)/talk.json $(BIN)/python -m pytest $(TALKING) --durations=10 > build/test-talk.log 2>&1; \
	  ended=$$?; cat build/test-talk.log; exit $$ended

test-e2e: $(STAMP)
	@mkdir -p build
	@AKW_DECISIVE=$(DECISIVE)/rest.json $(BIN)/python -m pytest tests/e2e $(addprefix --ignore ,$(WAITING) $(TALKING)) --durations=10 > build/test-e2e.log 2>&1; \
	  ended=$$?; cat build/test-e2e.log; exit $$ended

test-faults: $(STAMP)
	@mkdir -p build
	@$(BIN)/python -m pytest tests/faults tests/bench --durations=10 > build/test-faults.log 2>&1; \
	  ended=$$?; cat build/test-faults.log; exit $$ended

test-rest: $(STAMP)
	@mkdir -p build
	@$(BIN)/python -m pytest tests/unit tests/integration tests/emulator --durations=10 > build/test-rest.log 2>&1; \
	  ended=$$?; cat build/test-rest.log; exit $$ended

crowd: $(STAMP)  ## a hundred deliveries of twenty tickets at once, with kills, then their end
	AKW_CROWD=20 $(BIN)/python -m pytest $(CROWD)

bulk: $(STAMP)  ## a thousand grants ended by one order, one of them in vain at first
	AKW_BULK=1000 $(BIN)/python -m pytest tests/e2e/test_bulk.py

bench-sweep: $(STAMP)  ## what sweeps of 100, 1,000 and 5,000 users cost, beside a straightforward one
	@$(BIN)/python -m tests.bench.sweep $(ARGS)

bench-cold: $(STAMP)  ## how fast the ingress answers from nothing, beside importing the SDKs
	@$(BIN)/python -m tests.bench.cold $(ARGS)

life: $(STAMP)  ## a hundred applications for four hundred days, checked every day
	@$(MAKE) --no-print-directory -j2 life-1 life-2

# Two accounts of fifty, each with a story of its own, in two processes; in `make test` smaller ones.
LIFE ?= 50x400
life-%: $(STAMP)
	@mkdir -p build
	@AKW_LIFE=$(LIFE) LIFE_SEED=$* nice $(BIN)/python -m pytest -s tests/life > build/life-$*.log 2>&1; \
	  ended=$$?; cat build/life-$*.log; exit $$ended

faults: $(STAMP)  ## every call broken in every way, checked (an hour and a half; N=500 SEED=1: random pairs)
	$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(N),pairs $(N),all)

lint: $(STAMP)  ## ruff, mypy --strict, import-linter, generated documents are current
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.generate_docs --check

docs: $(STAMP)  ## write the generated documents anew
	$(BIN)/python -m deploy.generate_docs

package: $(STAMP)  ## vendor the dependencies for FC's python3.12 into python/
	$(BIN)/python -m deploy.package

clean:  ## remove what make made
	rm -rf $(VENV) build python .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
