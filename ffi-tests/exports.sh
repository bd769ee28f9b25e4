#!/bin/sh
# Compares what the library exports with the header, with the committed list, and with what the C tests touch, and
# checks how the dynamic linker will see it. A name that appears here by accident is an interface for ever.
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
library_directory=${LENS_LIBRARY_DIR:-$root/target/release}
library=$library_directory/liblesionlens.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

fail() {
    printf 'exports: %s\n' "$1" >&2
    failures=$((failures + 1))
}

# same NAME FILE OTHER-NAME OTHER-FILE: both sorted, one name a line.
same() {
    only_first=$(comm -23 "$2" "$4" | tr '\n' ' ')
    only_second=$(comm -13 "$2" "$4" | tr '\n' ' ')
    [ -z "$only_first" ] || fail "in $1 but not in $3: $only_first"
    [ -z "$only_second" ] || fail "in $3 but not in $1: $only_second"
}

[ -f "$library" ] || { printf 'exports: there is no %s; build the library first\n' "$library" >&2; exit 1; }

nm -D --defined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u >"$work/all"
# The preprocessor takes the comments out, where functions are named as well.
${CC:-cc} -E -P "$root/include/lesionlens.h" | grep -oE '\blens_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/header"
sort -u "$here/exports.txt" >"$work/committed"

foreign=$(grep -v '^lens_' "$work/all" | tr '\n' ' ' || true)
grep '^lens_' "$work/all" >"$work/exported" || true
[ -z "$foreign" ] || fail "exported, but no lens_ function: $foreign"
[ -s "$work/header" ] || fail "no function was found in the header"
same "the library" "$work/exported" "the header" "$work/header"
same "the library" "$work/exported" "ffi-tests/exports.txt" "$work/committed"

# What the compiled tests refer to: names in comments and strings do not count.
for source in "$here"/c/*.c; do
    ${CC:-cc} -std=c11 -I"$root/include" -c "$source" -o "$work/object.o"
    nm -u "$work/object.o"
done | awk '$NF ~ /^lens_/ { print $NF }' | sort -u >"$work/called"
uncalled=$(comm -23 "$work/exported" "$work/called" | tr '\n' ' ')
[ -z "$uncalled" ] || fail "never called by ffi-tests/c: $uncalled"
sed -n 's/^ *FUNCTION(\(lens_[a-z0-9_]*\)),.*/\1/p' "$here"/c/every_function_*.c | sort -u >"$work/tested"
same "the library" "$work/exported" "the tests of every_function_*.c" "$work/tested"

grep -vE '^ *(/?\*|//)' "$root/bindings/cpp/lesionlens.hpp" | grep -oE '\blens_[a-z0-9_]+' | sort -u >"$work/wrapped"
unwrapped=$(comm -23 "$work/exported" "$work/wrapped" | tr '\n' ' ')
[ -z "$unwrapped" ] || fail "not in bindings/cpp/lesionlens.hpp: $unwrapped"

readelf -d "$library" >"$work/dynamic"
needs() {
    grep -q "(NEEDED).*\[$1\]" "$work/dynamic"
}
grep -q '(SONAME).*\[liblesionlens\.so\.0\]' "$work/dynamic" || fail "SONAME is not liblesionlens.so.0"
grep -q '(RUNPATH)' "$work/dynamic" && fail "it has a RUNPATH, and needs nothing from anywhere"
grep -q 'NODELETE' "$work/dynamic" || fail "not marked NODELETE: dlclose() would unmap code that threads still need"
# Whatever else is needed, every program that embeds the library would have to ship.
more=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic" |
    grep -vE '^(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|ld-linux-[a-z0-9_-]+\.so\.[0-9])$' | tr '\n' ' ' || true)
[ -z "$more" ] || fail "NEEDED beyond the system's own libraries: $more"

# The second library: one function, and libtorch's CPU half alone.
torch=$library_directory/liblesionlens_torch.so
if [ -f "$torch" ]; then
    names=$(nm -D --defined-only "$torch" | awk '{ sub(/@.*/, "", $NF); print $NF }' | tr '\n' ' ')
    [ "$names" = "lens_torch_table " ] || fail "$torch exports $names"
    readelf -d "$torch" >"$work/dynamic"
    grep -q '(SONAME).*\[liblesionlens_torch\.so\.0\]' "$work/dynamic" || fail "SONAME of $torch"
    grep -q '(RUNPATH).*\$ORIGIN' "$work/dynamic" || fail "RUNPATH of $torch does not contain \$ORIGIN"
    grep -q 'NODELETE' "$work/dynamic" || fail "$torch is not marked NODELETE"
    needs 'libtorch_cpu\.so' || fail "libtorch_cpu.so is not NEEDED by $torch"
    for gpu in libtorch libtorch_cuda libtorch_hip libc10_cuda libc10_hip; do
        if needs "$gpu\.so"; then
            fail "$gpu.so is NEEDED by $torch: it would not load on a machine without it"
        fi
    done
else
    printf 'left out: exports of liblesionlens_torch.so (not built)\n' | tee -a "${LENS_LEFT_OUT:-/dev/null}"
fi

[ "$failures" -eq 0 ] || exit 1
printf 'exports: %s functions, as in the header and the committed list\n' "$(wc -l <"$work/exported")"
