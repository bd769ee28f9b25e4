#!/bin/sh
# The fast lane's look at the C interface: a model is trained, saved, loaded and used from C.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
libraries=$root/target/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# Where only the first library was built, what the second one does is refused.
if [ ! -e "$libraries/liblesionlens_torch.so" ]; then
    echo 'not run: what needs libtorch (make torch builds it)'
    export LENS_TEST_WITHOUT_LIBTORCH=1
fi
for name in make_model every_function_model; do
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude ${CFLAGS:-} "ffi-tests/c/$name.c" -o "$work/$name" \
        -L"$libraries" -Wl,-rpath,"$libraries" -llesionlens -lpthread -lm
    "$work/$name" "$work"
done
