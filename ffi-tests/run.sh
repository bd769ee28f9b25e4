#!/bin/sh
# Builds and runs the tests of the C interface: C, C++, Python, what the library exports, and the bindings for viewers
# (Java, Node, C#) as far as their tools are there. Needs the built library, and the command line for its tests.
#
# LENS_LIBRARY_DIR  where liblesionlens.so lies; default target/release
# LENS_PYTHON       a Python with NumPy; default python3
# LENS_CONFORMANCE_PYTHON  one with the packages of ffi-tests/conformance/requirements.txt; default LENS_PYTHON
# CC, CXX           compilers; CFLAGS, CXXFLAGS are added, such as -fsanitize=address
# LENS_LEFT_OUT     a file with what tests before these left out, to be added to; default a temporary one
# LENS_RUN          put before each C and C++ program, such as "valgrind -q"
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cd "$root" || exit 1
libraries=${LENS_LIBRARY_DIR:-$root/target/release}
libraries=$(cd "$libraries" 2>/dev/null && pwd) || { echo "run.sh: there is no directory $libraries" >&2; exit 1; }
[ -f "$libraries/liblesionlens.so" ] || { echo "run.sh: there is no $libraries/liblesionlens.so" >&2; exit 1; }
programs=$root/target/ffi-tests
mkdir -p "$programs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Tests append a line for what they could not do on this machine; printed at the end, with the lines that are there.
export LENS_LEFT_OUT="${LENS_LEFT_OUT:-$work/left_out}"

passed=0
failed=0
other_failures=0

failed_program() {
    printf '%s: FAILED (%s)\n' "$1" "$2"
    failed=$((failed + 1))
}

# What a stranger would type: no path to libtorch anywhere.
link_options="-L$libraries -Wl,-rpath,$libraries -llesionlens -lpthread -lm"
c_options="-Wall -Wextra -Wpedantic -Werror -Iinclude ${CFLAGS:-}"
cxx_options="-std=c++17 -Wall -Wextra -Wpedantic -Werror -Iinclude ${CXXFLAGS:-}"

build_c() { # NAME STANDARD [LINK OPTIONS]
    # shellcheck disable=SC2086
    ${CC:-cc} -std="$2" $c_options "ffi-tests/c/$1.c" -o "$programs/$1" ${3-$link_options}
}

build_cxx() { # NAME SOURCES AND OPTIONS...
    program=$1
    shift
    # shellcheck disable=SC2086
    ${CXX:-c++} $cxx_options "$@" -o "$programs/$program" $link_options
}

run_program() { # NAME ARGUMENTS...
    name=$1
    shift
    printf -- '-- %s\n' "$name"
    # shellcheck disable=SC2086
    ${LENS_RUN:-} "$programs/$name" "$@"
    status=$?
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed_program "$name" "exit status $status"
    fi
}

if build_c make_model c11; then
    run_program make_model "$work"
else
    failed_program make_model "does not build"
fi
if [ ! -f "$work/model.safetensors" ]; then
    echo "run.sh: the other programs need the model that make_model did not make" >&2
    exit 1
fi

for name in every_function_runtime every_function_data every_function_model every_function_heatmap \
    images images_refused lifetime threads fork old_header quiet; do
    if build_c "$name" c11; then
        run_program "$name" "$work"
    else
        failed_program "$name" "does not build"
    fi
done

if build_c reload c11 "-ldl -lpthread -lm"; then
    run_program reload "$work" "$libraries/liblesionlens.so"
else
    failed_program reload "does not build"
fi

if build_c header_c89 c89; then
    run_program header_c89
else
    failed_program header_c89 "does not build"
fi
if build_cxx header_cpp ffi-tests/c/header_cpp.cpp; then
    run_program header_cpp
else
    failed_program header_cpp "does not build"
fi
if build_cxx exceptions ffi-tests/c/exceptions.cpp; then
    run_program exceptions "$work"
else
    failed_program exceptions "does not build"
fi
if build_cxx bindings_test ffi-tests/cpp/*.cpp -Ibindings/cpp; then
    run_program bindings_test
else
    failed_program bindings_test "does not build"
fi

echo '-- example'
sh "$here/cpp/example.sh" "$libraries" "$work/model.safetensors" || other_failures=$((other_failures + 1))

echo '-- python'
LESIONLENS_LIBRARY="$libraries/liblesionlens.so" "${LENS_PYTHON:-python3}" -m unittest discover -s ffi-tests/python ||
    other_failures=$((other_failures + 1))

echo '-- conformance'
LESIONLENS_LIBRARY="$libraries/liblesionlens.so" "${LENS_CONFORMANCE_PYTHON:-${LENS_PYTHON:-python3}}" \
    -m unittest discover -s ffi-tests/conformance || other_failures=$((other_failures + 1))

echo '-- exports'
LENS_LIBRARY_DIR="$libraries" sh "$here/exports.sh" || other_failures=$((other_failures + 1))

echo '-- abi'
LENS_LIBRARY_DIR="$libraries" sh "$here/abi/check.sh" || other_failures=$((other_failures + 1))

echo '-- apt'
sh "$here/packaging/apt.sh" || other_failures=$((other_failures + 1))

# Packages are made of the release build in target.
if [ "$libraries" = "$root/target/release" ]; then
    for name in install dist; do
        printf -- '-- %s\n' "$name"
        sh "$here/packaging/$name.sh" "$work/model.safetensors" || other_failures=$((other_failures + 1))
    done
fi

LENS_LIBRARY_DIR="$libraries" sh "$here/viewers/run.sh" "$work" >"$work/viewers.log" 2>&1 ||
    other_failures=$((other_failures + 1))
grep -v '^left out: ' "$work/viewers.log"
grep '^left out: ' "$work/viewers.log" >>"$LENS_LEFT_OUT"

[ ! -s "$LENS_LEFT_OUT" ] || cat "$LENS_LEFT_OUT"
[ "$other_failures" -eq 0 ] || echo "run.sh: what is not a single program failed (Python, exports, abi, ...), see above"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ $((failed + other_failures)) -eq 0 ]
