# Needs Python 3.11 or later with pip, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONSTRAINTS := compressor/constraints.txt

.PHONY: demo test fast fuzz matrix lint picture schema benchmark evaluation deep-compression recipe-figures tfmot-table channel-speed pack step-time applications samples emulator emulator-lock clean

demo: $(VENV)/.installed
	$(BIN)/compressor run digits_cnn --recipe int8 --target host --target coral --target raspberry_pi --target jetson

# Two processes: the unit tests never see TensorFlow.
test: $(VENV)/.installed
	$(BIN)/pytest -n 2 --dist loadfile tests/unit
	$(BIN)/pytest -n 2 --dist loadfile tests/pipeline tests/fuzz

# Seconds: everything that needs no TensorFlow.
fast: $(VENV)/.installed
	$(BIN)/pytest -n 2 --dist loadfile tests/unit

# Spoiled files of every kind; FUZZ_COUNT says how many, FUZZ_SEED which. The everyday tests take 150.
fuzz: $(VENV)/.installed
	FUZZ_COUNT=$${FUZZ_COUNT:-1000} $(BIN)/pytest -s tests/fuzz

# Every recipe for every target, and on four samples' networks with short training: an hour. COMPRESSOR_DATA names the folder with the data.
matrix: $(VENV)/.installed
	$(BIN)/pytest -n 2 -m matrix tests/pipeline

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pictures in README and docs.
picture: $(VENV)/.installed
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/page_picture.py

# The JSON Schema of report.json, after a change to compressor/report/schema.py.
schema: $(VENV)/.installed
	$(BIN)/python -m compressor.report.schema > compressor/report/report.schema.json

benchmark: $(VENV)/.installed
	$(BIN)/python benchmarks/overhead.py

# docs/measuring.md: throughput and memory of evaluating 10 000 images; COMPRESSOR_DATA names the folder with the data.
evaluation: $(VENV)/.installed
	$(BIN)/python benchmarks/evaluation.py

# Writes docs/deep_compression.md: an hour on two cores, less with WHOLE=--whole; goes on where it was interrupted.
deep-compression: $(VENV)/.installed
	$(BIN)/python benchmarks/deep_compression.py $(WHOLE)

# Writes docs/recipe_figures.md: some hours on two cores; goes on where it was interrupted.
recipe-figures: $(VENV)/.installed
	$(BIN)/python benchmarks/recipe_figures.py

# Writes docs/tfmot_table.md: pruning and clustering with quantization, TFMOT's and ours, on mnist_cnn.
tfmot-table: $(VENV)/.installed
	$(BIN)/python benchmarks/tfmot_table.py

# Writes docs/channel_speed.md: p50 of networks with half of their multiply-accumulates, on LiteRT and ONNX Runtime.
channel-speed: $(VENV)/.installed
	$(BIN)/python benchmarks/channel_speed.py --page docs/channel_speed.md

# docs/packing.md: packed bytes beside those of general compressors, of files named in FILES; takes brotli and zstandard.
pack: $(VENV)/.installed
	$(BIN)/python benchmarks/pack.py $(FILES)

# What steps take: against plain training of the same epochs, to set up on Xception, and channel_prune of ResNet50.
step-time: $(VENV)/.installed
	$(BIN)/python benchmarks/step_time.py 'prune: {sparsity: 0.8}' quantize_aware
	$(BIN)/python benchmarks/step_setup.py --steps cluster quantize_aware --others cluster_weights prune_low_magnitude quantize_model
	$(BIN)/python benchmarks/channel_prune_time.py

# docs/applications.md: hours on one core. Goes on where it was interrupted, as long as runs/applications.jsonl is there.
applications: $(VENV)/.installed
	$(BIN)/python benchmarks/applications.py

# docs/sample_figures.md: an hour or two on two cores; goes on where it was interrupted, as long as runs/samples.jsonl is
# there. COMPRESSOR_DATA names the folder with the data sets.
samples: $(VENV)/.installed
	$(BIN)/python benchmarks/samples.py

# ARM cores on this machine, for --emulate and for the tests of it; takes qemu-user-static.
emulator: $(VENV)/.installed
	$(BIN)/compressor emulator install

# The wheels of the emulator, after a change of versions.
emulator-lock: $(VENV)/.installed
	$(BIN)/python -m compressor.emulator.wheels > wheels.lock
	mv wheels.lock compressor/emulator/wheels.lock

# pnnx without its dependency torch, 5 GB: only the program that it brings is used.
$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -c $(CONSTRAINTS) pnnx
	touch $@

clean:
	rm -rf $(VENV)
