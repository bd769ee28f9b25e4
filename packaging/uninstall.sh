#!/bin/sh
# Removes what install.sh put under DESTDIR/PREFIX; the same variables.
set -eu
target=${DESTDIR:-}${PREFIX:-/usr/local}
libdir=$target/${LIBDIR:-lib}
rm -f "$libdir"/liblesionlens.so "$libdir"/liblesionlens.so.* "$libdir"/liblesionlens_torch.so "$libdir/pkgconfig/lesionlens.pc" \
    "$target/include/lesionlens.h" "$target/include/lesionlens.hpp" "$target/bin/lesionlens" "$target/bin/lens-host" \
    "$target"/share/man/man1/lesionlens.1 "$target"/share/man/man1/lesionlens-*.1 "$target/share/zsh/site-functions/_lesionlens" \
    "$target/share/fish/vendor_completions.d/lesionlens.fish" "$target/share/bash-completion/completions/lesionlens"
rm -rf "$libdir/lesionlens" "$libdir/cmake/lesionlens" "$target/share/doc/lesionlens"
