# Every target sets up what it needs in .venv; `test` also installs system libraries, if they are missing and it may.
PYTHON ?= python3
VENV := .venv
RUN := OMP_WAIT_POLICY=PASSIVE $(VENV)/bin
STAMP := $(VENV)/.ready
FUZZ_MINUTES ?= 10
CORES := $(shell getconf _NPROCESSORS_ONLN)

.PHONY: demo test lint bench acceptance clean

demo: $(STAMP)
	$(RUN)/mmhvae demo --output demo-output

test: $(STAMP)
	@Testing/rig/system_packages.sh
	$(RUN)/pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

lint: $(STAMP)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

bench: $(STAMP)
	$(RUN)/python Testing/benchmarks/bench_network.py
	$(RUN)/python Testing/benchmarks/bench_sweep.py
	$(RUN)/python Testing/benchmarks/bench_training.py
	$(RUN)/python Testing/benchmarks/bench_registration_table.py --n 1

acceptance: $(STAMP)
	$(RUN)/pytest -m slow
	$(RUN)/python Testing/acceptance/real_ultrasound.py --output acceptance-output
	$(RUN)/python Training/simulate.py --held-out --seed 7000 --count 10 --output acceptance-output/held-out
	$(RUN)/python Training/evaluate_simulated.py --cases acceptance-output/held-out --output acceptance-output/evaluation
	$(RUN)/python Testing/acceptance/frames_or_volume.py --output acceptance-output
	$(RUN)/python Testing/acceptance/killed_training.py --output Testing/acceptance/results
	$(RUN)/python Testing/acceptance/fuzz_files.py --minutes $(FUZZ_MINUTES) --output Testing/acceptance/results
	$(RUN)/python Testing/acceptance/broken_writes.py --output Testing/acceptance/results
	$(RUN)/python Testing/acceptance/nnunet_chain.py --work acceptance-output/nnunet --output Testing/acceptance/results
	$(RUN)/python Testing/benchmarks/bench_registration_table.py --n 8 --first 200 --ranges 0 1 2 3 4 \
		--engines mmhvae_rigid --rows Testing/acceptance/results/registration.csv
	@Testing/rig/system_packages.sh
	$(RUN)/python Testing/acceptance/many_applies.py --output Testing/acceptance/results/many-applies.json
	$(RUN)/python Testing/acceptance/live_sweep.py --output Testing/acceptance/results/live-sweep.json

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[figures,training,perceptual,development]'
	touch $@

clean:
	rm -rf $(VENV) demo-output acceptance-output
