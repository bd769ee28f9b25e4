#!/bin/sh
# Removes what install.sh put under DESTDIR/PREFIX; the same variables.
set -eu
target=${DESTDIR:-}${PREFIX:-/usr/local}
libdir=$target/${LIBDIR:-lib}
rm -f "$libdir"/liblesionlens.so "$libdir"/liblesionlens.so.* "$libdir"/liblesionlens_torch.so "$libdir/pkgconfig/lesionlens.pc" \
    "$target/include/lesionlens.h" "$target/include/lesionlens.hpp" "$target/bin/lens-host"
rm -rf "$libdir/lesionlens" "$libdir/cmake/lesionlens" "$target/share/doc/lesionlens"
