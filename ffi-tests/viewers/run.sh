#!/bin/sh
# Runs the tests of the bindings for viewers: run.sh DIRECTORY, which holds the model that make_model made. Prints a
# line "left out: ..." for each that needs a tool which is missing, as its last lines.
#
# LENS_LIBRARY_DIR, LENS_PYTHON: as for ffi-tests/run.sh.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
directory=$1
libraries=${LENS_LIBRARY_DIR:-$root/target/release}
export LENS_LIBRARY_DIR="$libraries"
failed=0
left_out=

LESIONLENS_LIBRARY="$libraries/liblesionlens.so" "${LENS_PYTHON:-python3}" "$here/expected.py" "$directory" || exit 1
for language in java node csharp; do
    printf -- '-- %s\n' "$language"
    sh "$root/bindings/$language/test.sh" "$directory" >"$directory/$language.log" 2>&1
    status=$?
    cat "$directory/$language.log"
    if [ "$status" -eq 77 ]; then
        left_out="$left_out
left out: the tests of bindings/$language ($(tail -n 1 "$directory/$language.log"))"
    elif [ "$status" -ne 0 ]; then
        echo "$language: FAILED (exit status $status)"
        failed=1
    fi
done
[ -z "$left_out" ] || printf '%s\n' "$left_out"
exit "$failed"
