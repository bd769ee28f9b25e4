#!/bin/sh
# Puts libtorch in place for the build: ./.libtorch/view/{include,lib}.
#
# Without LIBTORCH the CPU half is taken from the wheels listed in libtorch.lock (pinned by SHA-256), unpacked
# once into the user's cache directory and linked from here. With LIBTORCH=/path that directory is used instead.
set -eu

needed=2.13.0
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
here=$(cd "$(dirname "$0")" && pwd)
link=$(dirname "$here")/.libtorch

say() { printf 'libtorch: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# The version a libtorch directory says it has, from its headers.
version_of() {
    for header in "$1/include/torch/headeronly/version.h" "$1/include/torch/csrc/api/include/torch/version.h"; do
        [ -f "$header" ] || continue
        sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' "$header" | paste -sd. - | grep . && return
    done
    return 0
}

check() { # directory, name for messages
    [ -f "$1/lib/libtorch_cpu.so" ] && [ -d "$1/include" ] ||
        fail "$2 must hold include/ and lib/libtorch_cpu.so of libtorch $needed; $1 does not"
    found=$(version_of "$1")
    [ "$found" = "$needed" ] ||
        fail "$2 holds libtorch ${found:-of unknown version}; lesionlens needs libtorch $needed. Give such a one in LIBTORCH, or unset LIBTORCH and one is fetched."
}

# A view that shows the linker the CPU half alone: torch-sys links the GPU half whenever it sees it, and the plugin
# must load on machines without one. Two levels deep, so that libtorch's own $ORIGIN/../../nvidia search path resolves.
make_view() { # libtorch directory, directory that becomes .libtorch
    rm -rf "$2/view"
    mkdir -p "$2/view/lib"
    ln -s "$1/include" "$2/view/include"
    for file in "$1"/lib/*.so*; do
        case $(basename "$file") in
            libtorch.so|libtorch_cuda*|libtorch_hip*|libc10_cuda*|libc10_hip*|libtorch_python*|libcaffe2_nvrtc*|libtorch_nvshmem*) ;;
            *) ln -s "$file" "$2/view/lib/" ;;
        esac
    done
    ln -s libtorch_cpu.so "$2/view/lib/libtorch.so"
}

if [ -n "${LIBTORCH:-}" ] && [ "$(realpath -m "$LIBTORCH")" != "$(realpath -m "$link/view")" ]; then
    check "$LIBTORCH" "LIBTORCH"
    library=$(cd "$LIBTORCH" && pwd)
    [ ! -L "$link" ] || rm "$link"
    mkdir -p "$link"
    rm -rf "$link/nvidia"
    [ ! -d "$library/../nvidia" ] || ln -s "$(cd "$library/../nvidia" && pwd)" "$link/nvidia"
    make_view "$library" "$link"
    say "using $library (from LIBTORCH)"
    exit 0
fi

machine=$(uname -m)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lesionlens
root=$cache/libtorch-$needed-$machine

if [ ! -f "$root/complete" ]; then
    command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
        fail "Python 3 with pip is needed to fetch libtorch $needed (Debian/Ubuntu: apt install python3-pip), or set LIBTORCH to an unpacked one"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # another clone may be fetching the same files
fi
if [ ! -f "$root/complete" ]; then
    wheels=$cache/wheels-$machine
    mkdir -p "$wheels"
    # pip resumes a broken download from 25.1 on.
    if ! python3 -c 'import sys, pip; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (25, 1))'; then
        say "fetching pip 25.3, which can resume a broken download, into $cache/pip"
        [ -f "$cache/pip/complete" ] ||
            { python3 -m pip install --quiet --upgrade --target "$cache/pip" pip==25.3 && touch "$cache/pip/complete"; }
        export PYTHONPATH="$cache/pip"
    fi
    say "fetching libtorch $needed (about 530 MB, once) into $cache"
    platforms=$(for glibc in 2_28 2_27 2_25 2_17; do printf -- '--platform manylinux_%s_%s ' $glibc "$machine"; done)
    # shellcheck disable=SC2086
    python3 -m pip download --resume-retries 20 --no-deps \
        --only-binary :all: --python-version 3.12 --implementation cp --abi cp312 --abi none $platforms \
        --require-hashes -r "$here/libtorch.lock" --dest "$wheels"
    say "unpacking into $root"
    rm -rf "$root.part"
    python3 - "$wheels" "$root.part" <<'PYTHON'
import pathlib, sys, zipfile
wheels, target = pathlib.Path(sys.argv[1]), sys.argv[2]
keep = ("torch/lib/", "torch/include/", "torch/version.py", "nvidia/cu13/lib/lib")
for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [n for n in archive.namelist() if n.startswith(keep) or "/licenses/" in n.lower()])
PYTHON
    rm -rf "$root"
    mv "$root.part" "$root"
    make_view "$root/torch" "$root"
    check "$root/torch" "the unpacked wheel"
    touch "$root/complete"
    rm -rf "$wheels"
fi
[ -L "$link" ] || rm -rf "$link"
if [ "$(readlink "$link" 2>/dev/null || true)" != "$root" ]; then
    ln -sfn "$root" "$link"
    say "libtorch $needed is in $root; ./.libtorch points to it"
fi
