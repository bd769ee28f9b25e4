#!/bin/sh
# Puts the PyTorch that the library is built on, torchvision and safetensors into a virtual environment for benchmarks and
# comparisons, unless the Python at hand has them already: bench_python.sh PYTHON DIRECTORY.
set -eu
python=$1
directory=$2
versions='import safetensors, torch, torchvision; print(torch.__version__.split("+")[0], torchvision.__version__.split("+")[0])'
if [ "$("$python" -c "$versions" 2>/dev/null)" = '2.13.0 0.28.0' ]; then
    exit 0
fi
if [ "$python" != "$directory/bin/python" ]; then
    echo "bench-python: $python does not have torch 2.13.0, torchvision 0.28.0 and safetensors" >&2
    exit 1
fi
echo "bench-python: installing PyTorch into $directory (several GB)" >&2
python3 -m venv "$directory"
PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip install --quiet torch==2.13.0 torchvision==0.28.0 safetensors numpy
