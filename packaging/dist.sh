#!/bin/sh
# dist.sh LIBRARY PROGRAM NOTICES DIRECTORY: makes DIRECTORY/lesionlens-VERSION-linux-MACHINE.tar.gz, which can be unpacked
# and used anywhere, and beside it the library's debug information. WITH_LIBTORCH=1: libtorch's CPU half is inside.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
mkdir -p "$4"
output=$(cd "$4" && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
name=lesionlens-$version-linux-$(uname -m)
[ -z "${WITH_LIBTORCH:-}" ] || name=$name-libtorch
work=$(mktemp -d "$output/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

PREFIX=/$name DESTDIR=$work LIBDIR=lib RELOCATABLE=1 DEBUG_FILE="$output/liblesionlens.so.$version.debug" \
    sh "$here/install.sh" "$1" "$2" "$3"
# What belongs to the sources, not what was built among them.
(cd "$root" && git ls-files --cached --others --exclude-standard bindings examples/host examples/cpp) >"$work/files"
tar -C "$root" -c -T "$work/files" | tar -C "$work/$name" -x
cp "$root/README.md" "$work/$name/"
# Headers of the binding for C++ are in include.
rm -r "$work/$name/bindings/cpp"
[ -n "${WITH_LIBTORCH:-}" ] || install -m 755 "$here/use-libtorch.sh" "$work/$name/"

epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
# A whole tarball appears, or none.
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -c "$name" | gzip -n >"$work/tarball"
mv "$work/tarball" "$output/$name.tar.gz"
echo "dist: $output/$name.tar.gz"
