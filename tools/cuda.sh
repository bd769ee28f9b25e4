#!/bin/sh
# Lays out a libtorch with its CUDA half and everything that half is linked against, for tests that load it:
# DIRECTORY/torch/lib and DIRECTORY/nvidia. Takes the libtorch that `make setup` unpacked, and 2 GB of wheels
# (cuda.lock, pinned by SHA-256), of which it keeps 3.5 GB of libraries.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
directory=${1:?"usage: cuda.sh DIRECTORY"}
libtorch=$(dirname "$(realpath "$here/../.libtorch/view/lib/libtorch_cpu.so")")
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'cuda: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(uname -m)" = x86_64 ] || fail "the wheels listed in cuda.lock are for x86_64"
[ -f "$libtorch/libtorch_cuda.so" ] || fail "$libtorch holds no libtorch_cuda.so: run make setup without LIBTORCH"
mkdir -p "$directory"
if [ ! -f "$directory/complete" ]; then
    say "fetching what libtorch_cuda.so is linked against into $directory"
    platforms=$(for glibc in 2_28 2_27 2_25 2_18 2_17; do printf -- '--platform manylinux_%s_x86_64 ' $glibc; done)
    # shellcheck disable=SC2086
    python3 -m pip install --quiet --no-deps --no-compile --no-cache-dir --upgrade --only-binary :all: \
        --python-version 3.12 --implementation py --abi none $platforms --platform manylinux2014_x86_64 \
        --require-hashes -r "$here/cuda.lock" --target "$directory"
fi
# Links to the files themselves: the search path inside libtorch_cuda.so begins where the file was opened.
rm -rf "$directory/torch"
mkdir -p "$directory/torch/lib" "$directory/nvidia/cu13/lib"
for file in "$libtorch"/lib*.so*; do
    ln "$file" "$directory/torch/lib/" 2>/dev/null || cp "$file" "$directory/torch/lib/"
done
for file in "$libtorch"/../../nvidia/cu13/lib/lib*.so*; do
    [ -e "$directory/nvidia/cu13/lib/$(basename "$file")" ] || cp "$file" "$directory/nvidia/cu13/lib/"
done
touch "$directory/complete"
