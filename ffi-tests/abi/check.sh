#!/bin/sh
# The ABI gate: the header is taken by C89, C11 and C++11; layout, prototypes and symbols are the committed ones.
# Whatever differs fails here until `make abi` writes the committed files anew, so that no change goes unseen.
#
# LENS_LIBRARY_DIR  where liblesionlens.so lies; default target/release
# LENS_LEFT_OUT     a file that gets a line for each check that could not be made
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
libraries=${LENS_LIBRARY_DIR:-$root/target/release}
header=$root/include/lesionlens.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

fail() {
    printf 'abi: %s\n' "$1" >&2
    failures=$((failures + 1))
}

left_out() {
    printf 'left out: %s\n' "$1" | tee -a "${LENS_LEFT_OUT:-/dev/null}"
}

[ -f "$libraries/liblesionlens.so" ] || { fail "there is no $libraries/liblesionlens.so"; exit 1; }

warnings="-Wall -Wextra -Wconversion -pedantic-errors -Werror -I$root/include -fsyntax-only"
for compiler in gcc clang; do
    command -v $compiler >/dev/null || { left_out "header and layout with $compiler (not installed)"; continue; }
    # shellcheck disable=SC2086
    for standard in c89 c99 c11 c++11 c++17; do
        case $standard in
            c++*) language=c++ layout=layout.cpp ;;
            c11) language=c layout=layout.c ;;
            *) language=c layout= ;;
        esac
        $compiler -x $language -std=$standard $warnings "$here/header_twice.c" ||
            fail "$compiler -std=$standard does not take the header"
        [ -z "$layout" ] || $compiler -x $language -std=$standard $warnings "$here/$layout" ||
            fail "$compiler -std=$standard: the layout is not that of layout.inc (deliberate? make abi)"
    done
done

if ${CC:-cc} -std=c11 -I"$root/include" "$here/layout.c" -o "$work/layout" -L"$libraries" -llesionlens \
    -Wl,-rpath,"$libraries"; then
    "$work/layout" || fail "the library and the header do not agree: build the library anew, then make header"
else
    fail "layout.c does not link with the library"
fi

if [ "$(uname -m)" != x86_64 ]; then
    left_out "abidiff of the library with the committed ABI (which is that of x86_64)"
elif command -v abidw >/dev/null && command -v abidiff >/dev/null; then
    sh "$here/dump.sh" "$header" "$libraries/liblesionlens.so" "$work/now" || fail "the interface cannot be dumped"
    cmp -s "$here/layout.inc" "$work/now/layout.inc" || {
        diff -u "$here/layout.inc" "$work/now/layout.inc" >&2
        fail "structs or constants of the header are not those of layout.inc (deliberate? make abi)"
    }
    # The header's prototypes first: they name what the bare symbols of the library cannot.
    for dump in interface library; do
        abidiff --harmless "$here/$dump.abi" "$work/now/$dump.abi" >"$work/report"
        status=$?
        [ "$status" -eq 0 ] || {
            cat "$work/report" >&2
            fail "abidiff exits with $status: the ABI is not that of ffi-tests/abi/$dump.abi (deliberate? make abi)"
        }
    done
else
    left_out "abidiff of the library with the committed ABI (no abigail-tools)"
fi

[ "$failures" -eq 0 ] || exit 1
printf 'abi: %s sizes, offsets and constants, prototypes and symbols as committed\n' \
    "$(grep -cE '^LENS_(SIZE|OFFSET|VALUE)' "$here/layout.inc")"
