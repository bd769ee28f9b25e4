#!/bin/sh
# build_tools.sh DIRECTORY: what the decoders in C and C++ are built with, where the machine lacks it: CMake from PyPI, and
# NASM from Debian's package, unpacked into DIRECTORY. DIRECTORY/bin is for the PATH.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
directory=${1:?"usage: build_tools.sh DIRECTORY"}
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'build tools: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

mkdir -p "$directory/bin"
directory=$(cd "$directory" && pwd)
PATH=$directory/bin:$PATH

command -v c++ >/dev/null || command -v "${CXX:-c++}" >/dev/null ||
    fail "there is no C++ compiler (Debian/Ubuntu: apt install g++)"

if ! command -v cmake >/dev/null; then
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "there is no cmake, and no Python 3 with pip to fetch one (Debian/Ubuntu: apt install cmake)"
    say "fetching CMake (30 MB, once) into $directory/cmake"
    python3 -m pip install --quiet --upgrade --target "$directory/cmake" cmake==4.4.4
    ln -sf "$directory/cmake/cmake/data/bin/cmake" "$directory/bin/cmake"
    cmake --version >/dev/null || fail "the CMake of PyPI does not run here; install one (Debian/Ubuntu: apt install cmake)"
fi

if [ "$(uname -m)" = x86_64 ] && ! command -v nasm >/dev/null && ! command -v yasm >/dev/null; then
    if command -v apt-get >/dev/null && sh "$here/unpack_debian.sh" "$directory/nasm" nasm &&
        "$directory/nasm/usr/bin/nasm" -v >/dev/null; then
        ln -sf "$directory/nasm/usr/bin/nasm" "$directory/bin/nasm"
    else
        say "there is no nasm (Debian/Ubuntu: apt install nasm): JPEG is decoded without vector instructions, more slowly"
    fi
fi
