#!/bin/sh
# install.sh LIBRARY PROGRAM NOTICES: puts the library, the second one where it is beside the first, headers,
# files for pkg-config and CMake, and the command line, with its manual and what shells complete, under DESTDIR/PREFIX.
# NOTICES is the directory of the third-party notices and the SBOM.
#
# PREFIX         default /usr/local
# LIBDIR         of PREFIX; default lib
# DESTDIR        put before PREFIX, for those who make packages
# WITH_LIBTORCH  1: the CPU half of libtorch is copied into PREFIX/LIBDIR/lesionlens/libtorch
# RELOCATABLE    1: without WITH_LIBTORCH, no path to the libtorch that was built against is left in the second library
# DEBUG_FILE     receives the library's debug information, and that of the second one is put beside it; default: dropped
set -eu
library=$1
program=$2
notices=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-lib}
case $prefix in
    /*) ;;
    *) echo "install: PREFIX is '$prefix', it must begin with /" >&2; exit 1 ;;
esac
case $libdir in
    /*|*..*) echo "install: LIBDIR is '$libdir', it must be a path below PREFIX, such as lib64" >&2; exit 1 ;;
esac
target=${DESTDIR:-}$prefix
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
file=liblesionlens.so.$version
patchelf=$("$here/patchelf.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# rustc's line tables are ten times as large as the code.
strip --strip-unneeded -o "$work/$file" "$library"
if [ -n "${DEBUG_FILE:-}" ]; then
    objcopy --only-keep-debug "$library" "$DEBUG_FILE"
    objcopy --add-gnu-debuglink="$DEBUG_FILE" "$work/$file"
fi
torch=$(dirname "$library")/liblesionlens_torch.so
torch_file=liblesionlens_torch.so
if [ -f "$torch" ]; then
    libtorch=$(dirname "$(realpath "$root/.libtorch/view/lib/libtorch_cpu.so")")
    strip --strip-unneeded -o "$work/$torch_file" "$torch"
    if [ -n "${DEBUG_FILE:-}" ]; then
        debug=$(dirname "$DEBUG_FILE")/$torch_file.$version.debug
        objcopy --only-keep-debug "$torch" "$debug"
        objcopy --add-gnu-debuglink="$debug" "$work/$torch_file"
    fi
    # As a colon-separated list: beside the library, and where libtorch is copied or linked to.
    search="\$ORIGIN:\$ORIGIN/lesionlens/libtorch/lib"
    [ "${WITH_LIBTORCH:-}${RELOCATABLE:-}" != '' ] || search="$search:$libtorch"
    "$patchelf" --set-rpath "$search" "$work/$torch_file"
elif [ -n "${WITH_LIBTORCH:-}" ]; then
    echo "install: WITH_LIBTORCH=1 needs $torch; run make torch first" >&2
    exit 1
fi
up=$(realpath -ms --relative-to="/$libdir" /)
strip -o "$work/lesionlens" "$program"
# By which it finds the second library.
"$patchelf" --set-rpath "\$ORIGIN/../$libdir" "$work/lesionlens"
"$program" man --out "$work/man"
"$program" completions bash >"$work/bash"
"$program" completions zsh >"$work/_lesionlens"
"$program" completions fish >"$work/lesionlens.fish"

put() { # MODE DIRECTORY FILES...
    mode=$1
    directory=$target/$2
    shift 2
    install -d "$directory"
    install -m "$mode" "$@" "$directory/"
}

filled() { # TEMPLATE
    name=$(basename "$1" .in)
    sed -e "s|@VERSION@|$version|g" -e "s|@VERSION_MINOR@|${version%.*}|g" -e "s|@SONAME@|$soname|g" \
        -e "s|@LIBDIR@|$libdir|g" -e "s|@UP_FROM_PKGCONFIG@|$up/..|g" -e "s|@UP_FROM_CMAKE@|$up/../..|g" \
        "$1" >"$work/$name"
    printf %s "$work/$name"
}

put 755 "$libdir" "$work/$file"
ln -sf "$file" "$target/$libdir/$soname"
ln -sf "$soname" "$target/$libdir/liblesionlens.so"
[ ! -f "$work/$torch_file" ] || put 755 "$libdir" "$work/$torch_file"
put 755 bin "$work/lesionlens"
ln -sf lesionlens "$target/bin/lens-host"
put 644 share/man/man1 "$work"/man/*.1
put 644 share/zsh/site-functions "$work/_lesionlens"
put 644 share/fish/vendor_completions.d "$work/lesionlens.fish"
install -d "$target/share/bash-completion/completions"
install -m 644 "$work/bash" "$target/share/bash-completion/completions/lesionlens"
put 644 include "$root/include/lesionlens.h" "$root/bindings/cpp/lesionlens.hpp"
put 644 "$libdir/pkgconfig" "$(filled "$here/lesionlens.pc.in")"
put 644 "$libdir/cmake/lesionlens" "$(filled "$here/lesionlensConfig.cmake.in")" \
    "$(filled "$here/lesionlensConfigVersion.cmake.in")"
put 644 share/doc/lesionlens "$root/LICENSE.txt" "$notices/THIRD-PARTY-NOTICES.txt" "$notices/sbom.cdx.json"

if [ -n "${WITH_LIBTORCH:-}" ]; then
    "$here/copy_libtorch.sh" "$libtorch" "$target/$libdir/lesionlens/libtorch/lib"
    echo "install: libtorch's CPU half is in $target/$libdir/lesionlens/libtorch"
elif [ -f "$torch" ] && [ -z "${RELOCATABLE:-}" ]; then
    echo "install: $torch_file uses the libtorch in $libtorch, which its users must be able to read;" \
        "WITH_LIBTORCH=1 copies it, a link $prefix/$libdir/lesionlens/libtorch to another libtorch comes first"
fi
[ -n "${DESTDIR:-}" ] || [ -n "${RELOCATABLE:-}" ] ||
    echo "install: run ldconfig, if programs are to find $prefix/$libdir without a search path of their own"
