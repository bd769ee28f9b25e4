#!/bin/sh
# Builds examples/cpp with gcc and clang, with and without exceptions, and runs each: example.sh LIBRARIES MODEL.
#
# LENS_LEFT_OUT  a file that gets a line for each check that could not be made
set -u
libraries=$1
model=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

fail() {
    printf 'example: %s\n' "$1" >&2
    failures=$((failures + 1))
}

options="-std=c++17 -Wall -Wextra -Wpedantic -Werror -I$root/include -I$root/bindings/cpp"
link_options="-L$libraries -llesionlens -Wl,-rpath,$libraries"
python3 "$root/ffi-tests/cpp/example_image.py" "$work/image.png"

check_viewer() { # COMPILER AND OPTION
    viewer="$work/viewer $1"
    rm -f "$work/overlay.png"
    "$viewer" "$model" "$work/image.png" "$work/overlay.png" >"$work/out" 2>"$work/err" ||
        { cat "$work/err" >&2; fail "$1: the viewer failed"; return; }
    grep -q '^probability 0\.[0-9]*: ' "$work/out" && grep -q '^heatmap 160 x 120, hottest tile at ' "$work/out" ||
        { cat "$work/out" >&2; fail "$1: the viewer does not print its results"; }
    grep -Eq '([0-9]+) of \1 tiles, in [1-9]' "$work/err" || fail "$1: progress did not come to its end"
    # The width and height of a PNG are at byte 16.
    [ "$(od -An -tu1 -j16 -N8 "$work/overlay.png" | tr -s ' ')" = ' 0 0 0 160 0 0 0 120' ] ||
        fail "$1: overlay.png is not a picture of the image's size"
    cat "$work/out" >>"$work/all"
    "$viewer" "$work/missing.safetensors" "$work/image.png" "$work/overlay.png" >/dev/null 2>"$work/err"
    status=$?
    [ "$status" -eq 1 ] && grep -q 'LENS_ERROR_IO: .*missing.safetensors' "$work/err" ||
        fail "$1: a missing model ends with exit status $status and: $(cat "$work/err")"
}

# Each compiler's programs beside the other's.
build() { # COMPILER
    if [ "$1" = g++ ]; then standard=c++17; else standard=c++20; fi
    # shellcheck disable=SC2086
    for exceptions in -fexceptions -fno-exceptions; do
        "$1" $options $exceptions "$root/examples/cpp/viewer.cpp" -o "$work/viewer $1 $exceptions" $link_options
    done
    # std::span is there from C++20 on.
    # shellcheck disable=SC2086
    "$1" $options -std=$standard -fno-exceptions "$root/ffi-tests/cpp/results/results_test.cpp" -o "$work/results $1" \
        $link_options
}

compilers=
for compiler in g++ clang++; do
    if command -v $compiler >/dev/null; then
        compilers="$compilers $compiler"
        build $compiler &
    else
        printf 'left out: examples/cpp with %s (not installed)\n' $compiler | tee -a "${LENS_LEFT_OUT:-/dev/null}"
    fi
done
wait

for compiler in $compilers; do
    for exceptions in -fexceptions -fno-exceptions; do
        if [ -x "$work/viewer $compiler $exceptions" ]; then
            check_viewer "$compiler $exceptions"
        else
            fail "$compiler $exceptions: the viewer does not build"
        fi
    done
    "$work/results $compiler" || fail "$compiler: results_test does not build, or failed"
done

[ "$(sort -u "$work/all" | wc -l)" -eq 2 ] || fail "the builds print different results"
[ "$failures" -eq 0 ] || exit 1
echo 'example: the viewer does the same with each compiler, with and without exceptions'
