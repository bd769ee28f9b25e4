#!/bin/sh
# dump.sh HEADER LIBRARY DIRECTORY: writes what the ABI gate compares, interface.abi, library.abi and layout.inc.
#
# interface.abi is the dump of a stub with the header's prototypes, as the library's own DWARF does not describe C types
# (see interface.py); library.abi is that of the library without its DWARF: symbols, SONAME and what it needs.
set -eu
header=$1
library=$2
directory=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

include=$(cd "$(dirname "$header")" && pwd)
python3 "$here/interface.py" stub "$header" >"$work/interface.c"
# From inside the directory, so that its name is not in the dump.
(cd "$work" && ${CC:-cc} -std=c11 -g -O0 -fPIC -shared -I"$include" interface.c -o interface.so \
    -Wl,-soname,liblesionlens.so.0)
python3 "$here/interface.py" layout "$header" >"$work/layout.c"
${CC:-cc} -std=c11 -I"$include" "$work/layout.c" -o "$work/layout"
strip --strip-debug -o "$work/liblesionlens.so" "$library"

dump() { # LIBRARY OUTPUT
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$1" >"$2"
}
mkdir -p "$directory"
dump "$work/interface.so" "$directory/interface.abi"
dump "$work/liblesionlens.so" "$directory/library.abi"
{
    echo '/* Written by `make abi`: bytes on LP64. */'
    "$work/layout"
} >"$directory/layout.inc"
