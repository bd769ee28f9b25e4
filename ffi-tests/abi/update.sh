#!/bin/sh
# Writes the committed ABI anew from the header and the built library, and shows what changes: update.sh LIBRARY.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

sh "$here/dump.sh" "$here/../../include/lesionlens.h" "$1" "$work"
incompatible=
for dump in interface library; do
    [ -f "$here/$dump.abi" ] || continue
    status=0
    abidiff --harmless "$here/$dump.abi" "$work/$dump.abi" || status=$?
    # 4: changed, 8: so that programs break; 1 and 2 are failures of abidiff itself.
    [ $((status & 3)) -eq 0 ] || exit 1
    [ $((status & 8)) -eq 0 ] || incompatible=yes
done
mv "$work/interface.abi" "$work/library.abi" "$work/layout.inc" "$here/"
[ -z "$incompatible" ] ||
    echo 'abi: programs built with the header before this break: after ABI 0 raise LENS_ABI_VERSION'
echo "abi: written to $(basename "$here")/interface.abi, library.abi and layout.inc; look at git diff"
