# `make demo` and `make test` work as first commands on a fresh machine; `make help` lists the rest.

CC ?= cc
CFLAGS ?= -O2
export CARGO_TERM_COLOR ?= auto
# Builds always see the view that `make setup` lays out, whatever LIBTORCH said where it came from.
CARGO := PATH="$(CURDIR)/target/build-tools/bin:$$PATH" LIBTORCH="$(CURDIR)/.libtorch/view" cargo
LIBRARY := target/release/liblesionlens.so
# The second library, with libtorch.
TORCH_LIBRARY := target/release/liblesionlens_torch.so
# The command line, and the name by which scripts know it.
PROGRAM := target/release/lesionlens
LENS_HOST := target/lens-host
EXAMPLE_HOST := target/example-host
PYTHON_TOOLS := target/python-tools
CONFORMANCE_PYTHON := target/conformance-python
CONFORMANCE_PACKAGES := $(shell cat ffi-tests/conformance/requirements.txt)

BENCH_PYTHON ?= target/bench-python/bin/python
# Where libtorch's CUDA half and its 3.6 GB of libraries go.
CUDA_DIRECTORY ?= target/cuda
DEVICE ?= auto
SECONDS ?= 600

PREFIX ?= /usr/local
LIBDIR ?= lib
DIST ?= target/dist
PACKAGE := target/package
# Tests that this machine could not run, a line for each.
LEFT_OUT := $(CURDIR)/target/left_out
# The rule that builds, unless that was done.
BUILT := $(if $(and $(wildcard $(LIBRARY)),$(wildcard $(LENS_HOST))),,programs)

.PHONY: build all conformance bench-read read-frame help setup build-tools library torch programs demo viewer check test test-viewer test-interop test-archive test-ddp wheel test-torch cuda test-cuda-load test-gpu docs interop-python weights-python fuzz bench bench-train bench-python header bindings abi notices install uninstall dist clean
build: programs
all: programs torch notices

help:
	@echo 'make          build the library ($(LIBRARY)), the command line ($(PROGRAM),
	@echo '              also $(LENS_HOST)) and the example in C'
	@echo 'make torch    build the second library ($(TORCH_LIBRARY)), for GPUs, half precision and'
	@echo '              compiled networks: fetches libtorch (530 MB), or takes the one that LIBTORCH names'
	@echo 'make all      both'
	@echo 'make demo     draw phantoms, train on them, evaluate, and draw heatmaps (about 7 minutes the first time); needs no libtorch'
	@echo 'make viewer   check, test and build the page of lesionlens view into viewer/dist (needs Node 20.19, or fetches one)'
	@echo 'make check    the fast lane: format, lints, unit tests of all but libtorch and the generators, a smoke test in C'
	@echo 'make test     format, lints, unit and integration tests, and the C interface driven from C, C++, Python,'
	@echo '              and Java, Node and C# where their tools are; installs Debian packages that it lacks, unless LENS_NO_APT=1'
	@echo 'make test-viewer   lesionlens view in a browser (part of make test): needs Node, and chromium, which it installs;'
	@echo '              screenshots go to target/viewer'
	@echo 'make setup    fetch libtorch, or use the one that LIBTORCH names (make torch and make test do this by themselves)'
	@echo 'make test-gpu      for machines with a GPU: compare it with the CPU, print a table to send back; DEVICE=cuda'
	@echo '              or rocm insists on one. LIBTORCH names a libtorch with its GPU half, or make cuda fetches one'
	@echo 'make cuda     fetch the libraries of the CUDA half of libtorch (2 GB) into CUDA_DIRECTORY ($(CUDA_DIRECTORY))'
	@echo 'make test-cuda-load    for machines without a GPU: load the CUDA half, and see it say why it cannot be used'
	@echo 'make test-interop   models in other formats, run by ONNX Runtime, OpenVINO and PyTorch, and models compiled by'
	@echo '              PyTorch, run here; weights of MONAI, torchxrayvision and CheXNet; with test-archive (an archive'
	@echo '              scored on a Ray cluster) and test-ddp (models trained by PyTorch in two processes). All are'
	@echo '              installed for that: several GB'
	@echo 'make fuzz     feed a reader of files damaged ones: TARGET= names one of fuzz/fuzz_targets, SECONDS= says how long (600);'
	@echo '              needs clang; findings go to target/fuzz/findings, FUZZ_SEEDS names directories of more seeds'
	@echo 'make conformance  compare the reading of DICOM with pydicom and DCMTK, which are installed for that, and write'
	@echo '              docs/conformance.md; make bench-read times it beside them'
	@echo 'make bench        time inference on the CPU against ONNX Runtime and OpenVINO, which are installed for that'
	@echo 'make bench-train   time a training step on the CPU against PyTorch (BENCH_PYTHON names a Python that has it)'
	@echo 'make   time decoding of DICOM frames against pydicom with pylibjpeg, which are installed for that, and DCMTK'
	@echo 'make wheel    the Python package with library and command line in it, in dist/; BUNDLE_LIBTORCH=1 puts libtorch into it too'
	@echo 'make test-torch     PyTorch and lesionlens in one Python process (BENCH_PYTHON names a Python that has PyTorch)'
	@echo 'make docs     the documentation site in target/docs: guides, and references of C, C++, Rust and Python'
	@echo 'make header   write include/lesionlens.h anew from src/capi'
	@echo 'make abi      write the committed ABI (ffi-tests/abi) anew from header and library, after a deliberate change'
	@echo 'make install   library, headers, files for pkg-config and CMake, command line; PREFIX=$(PREFIX) LIBDIR= DESTDIR='
	@echo '              WITH_LIBTORCH=1 copies libtorch too; make uninstall takes the same variables'
	@echo 'make dist     a tarball to unpack anywhere, in DIST=$(DIST); WITH_LIBTORCH=1 puts libtorch inside'
	@echo 'make bindings   write what is generated of bindings/java, node and csharp anew from the header'
	@echo 'make clean    remove what was built'

setup:
	@tools/libtorch.sh

build-tools:
	@tools/build_tools.sh target/build-tools

library: build-tools
	$(CARGO) build --release --lib
	@ln -sf liblesionlens.so $(LIBRARY).0

torch: setup build-tools
	$(CARGO) build --release --package lens-torch --lib

programs: library
	$(CARGO) build --release --package lesionlens-cli
	@ln -sf release/lesionlens $(LENS_HOST)
	@$(MAKE) --no-print-directory $(EXAMPLE_HOST)

$(EXAMPLE_HOST): examples/host/host.c include/lesionlens.h $(LIBRARY)
	$(CC) -std=c11 $(CFLAGS) -Wall -Wextra -Iinclude $< -Ltarget/release -llesionlens -lpthread \
	    -Wl,-rpath,'$$ORIGIN/release' -o $@

demo: programs
	$(CARGO) build --release --examples
	tools/demo.sh

viewer:
	@tools/viewer.sh all

# What the fast lane leaves out: libtorch, and the generators of header and messages.
SLOW := --exclude lens-torch --exclude lens-generated

check: programs
	cargo fmt --all --check
	$(CARGO) clippy --release --workspace $(SLOW) --all-targets -- -D warnings
	python3 tools/docs/stage.py target/docs-pages
	$(CARGO) test --release --workspace $(SLOW) --lib --bins
	sh ffi-tests/smoke.sh

test: programs torch
	cargo fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets -- -D warnings
	python3 tools/docs/stage.py target/docs-pages
	rm -f "$(LEFT_OUT)"
	LENS_LEFT_OUT="$(LEFT_OUT)" $(CARGO) test --release --workspace
	LENS_LEFT_OUT="$(LEFT_OUT)" tools/viewer.sh check
	LENS_LEFT_OUT="$(LEFT_OUT)" tools/viewer_e2e.sh
	tools/python_tools.sh $(PYTHON_TOOLS)
	-@tools/python_tools.sh $(CONFORMANCE_PYTHON) $(CONFORMANCE_PACKAGES)
	-@tools/apt.sh abigail-tools clang cmake dcmtk pkg-config
	LENS_LEFT_OUT="$(LEFT_OUT)" LENS_PYTHON="$(CURDIR)/$(PYTHON_TOOLS)/python" \
	    LENS_CONFORMANCE_PYTHON="$$(ls "$(CURDIR)/$(CONFORMANCE_PYTHON)/python" 2>/dev/null)" sh ffi-tests/run.sh

# docs/conformance.md: what is read here, and what pydicom and DCMTK read.
conformance: read-frame
	$(CONFORMANCE_PYTHON)/python ffi-tests/conformance/test_conformance.py --write

# Reading DICOM frames beside pydicom and DCMTK.
bench-read: read-frame
	$(CONFORMANCE_PYTHON)/python tools/bench_read.py $(BENCH_OPTIONS)

read-frame: build-tools
	@tools/python_tools.sh $(CONFORMANCE_PYTHON) $(CONFORMANCE_PACKAGES)
	@tools/apt.sh dcmtk
	$(CARGO) build --release --package lens-images --example read_frame

test-viewer: programs
	@tools/viewer_e2e.sh

wheel: programs torch
	tools/wheel.sh $(LIBRARY) dist

test-torch: programs torch bench-python
	tools/python_tools.sh $(PYTHON_TOOLS)
	LENS_TORCH_PYTHON="$(BENCH_PYTHON)" PYTHONPATH=ffi-tests/python \
	    $(PYTHON_TOOLS)/python -m unittest -v test_wheel.BesideTorch

cuda: setup
	@tools/cuda.sh "$(CUDA_DIRECTORY)"

# What a process has loaded stays loaded, so each test has its own.
test-cuda-load: cuda build-tools
	$(CARGO) test --release --package lens-torch --no-run --test cuda_load
	for name in registers_and_says_that_there_is_no_driver says_when_libtorch_was_asked_too_early; do \
	    LD_LIBRARY_PATH="$(abspath $(CUDA_DIRECTORY))/torch/lib" \
	        $(CARGO) test --release --package lens-torch --test cuda_load -- --ignored --nocapture --exact $$name || exit 1; \
	done
	$(CARGO) test --release --package lens-torch --test cuda_load -- --ignored --nocapture --exact names_the_library_that_is_missing

test-gpu: setup build-tools
	$(CARGO) build --release --package lens-torch --lib --example gpu_table
	if [ -f "$(CUDA_DIRECTORY)/complete" ]; then \
	    export LD_LIBRARY_PATH="$(abspath $(CUDA_DIRECTORY))/torch/lib"; \
	fi; target/release/examples/gpu_table $(DEVICE)

# Other runtimes, in an environment of their own: about 500 MB.
interop-python:
	@[ -x target/interop-python/bin/python ] || python3 -m venv target/interop-python
	@target/interop-python/bin/python -m pip install --quiet 'numpy>=1.24,<3' onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1

# Programs whose weights are read, in an environment of their own beside the PyTorch of bench-train: about 400 MB.
weights-python: bench-python
	@[ -x target/weights-python/bin/python ] || "$(BENCH_PYTHON)" -m venv target/weights-python
	@"$(BENCH_PYTHON)" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))' \
	    >"$$(target/weights-python/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
	@target/weights-python/bin/python -m pip install --quiet --no-deps monai==1.6.1 torchxrayvision==1.5.7
	@target/weights-python/bin/python -m pip install --quiet imageio scikit-image pandas requests tqdm pydicom==3.0.2

test-interop: programs torch interop-python bench-python weights-python test-archive test-ddp
	LESIONLENS_LIBRARY="$(CURDIR)/$(LIBRARY)" LENS_TORCH_PYTHON="$(abspath $(BENCH_PYTHON))" \
	    LENS_WEIGHTS_PYTHON="$(CURDIR)/target/weights-python/bin/python" \
	    target/interop-python/bin/python -m unittest discover -s ffi-tests/interop

# examples/archive on a Ray cluster of two processes, in an environment of its own: about 600 MB.
test-archive: library torch
	@[ -x target/archive-python/bin/python ] || python3 -m venv target/archive-python
	@target/archive-python/bin/python -m pip install --quiet -r examples/archive/requirements.txt pydicom==3.0.2 psutil==7.2.2
	LESIONLENS_LIBRARY="$(CURDIR)/$(LIBRARY)" target/archive-python/bin/python -m unittest discover -s ffi-tests/interop-archive

# examples/ddp with the PyTorch of bench-train.
test-ddp: library torch bench-python
	LESIONLENS_LIBRARY="$(CURDIR)/$(LIBRARY)" \
	    "$(BENCH_PYTHON)" -m unittest discover -s ffi-tests/interop-torch

# cargo names the program in a line of JSON; the last one is this one.
bench-train: bench-python build-tools
	@program=$$($(CARGO) build --release --package lens-cpu --bench train_step --message-format=json-render-diagnostics | \
	    sed -n 's/.*"executable":"\([^"]*train_step[^"]*\)".*/\1/p' | tail -n 1) && \
	    python3 tools/bench_train.py "$$program" --python "$(BENCH_PYTHON)" --threads "$$(nproc)"

# As bench-train; BENCH_OPTIONS may be --avx2 or --rounds N.
bench: library interop-python
	@program=$$($(CARGO) build --release --bench infer --message-format=json-render-diagnostics | \
	    sed -n 's/.*"executable":"\([^"]*infer[^"]*\)".*/\1/p' | tail -n 1) && \
	    target/interop-python/bin/python tools/bench_infer.py "$$program" $(LIBRARY) --report target/bench/report.json $(BENCH_OPTIONS)

fuzz: build-tools
	@-tools/apt.sh clang libclang-rt-dev
	@tools/fuzz.sh "$(TARGET)" "$(SECONDS)"

bench-python:
	@tools/bench_python.sh "$(BENCH_PYTHON)" target/bench-python

docs: library
	@LIBTORCH="$(CURDIR)/.libtorch/view" tools/docs/build.sh

header: build-tools
	UPDATE_HEADER=1 $(CARGO) test --release --package lens-generated --test header

abi: library header
	@tools/apt.sh abigail-tools
	sh ffi-tests/abi/update.sh $(LIBRARY)

# Licences of what is linked in, and the bill of materials.
notices: $(PACKAGE)/sbom.cdx.json
$(PACKAGE)/sbom.cdx.json: Cargo.lock tools/libtorch.lock $(wildcard packaging/*.py) | $(BUILT)
	@mkdir -p $(PACKAGE)
	@python3 packaging/notices.py >$(PACKAGE)/THIRD-PARTY-NOTICES.txt
	@python3 packaging/sbom.py >$@.new && mv $@.new $@

# What is built stays as it is, so that `make && sudo make install` compiles nothing as root.
install: $(BUILT) notices
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" WITH_LIBTORCH="$(WITH_LIBTORCH)" \
	    sh packaging/install.sh $(LIBRARY) $(PROGRAM) $(PACKAGE)

uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" sh packaging/uninstall.sh

dist: $(BUILT) notices
	@WITH_LIBTORCH="$(WITH_LIBTORCH)" sh packaging/dist.sh $(LIBRARY) $(PROGRAM) $(PACKAGE) "$(DIST)"

bindings:
	python3 tools/bindings

clean:
	cargo clean
