#!/bin/sh
# Lays out a binding's package with the library in it, for `mvn install`, `npm pack` or `dotnet pack`:
# package.sh java|node|csharp LIBRARY DIRECTORY, which must not exist yet.
set -eu

usage="usage: package.sh java|node|csharp LIBRARY DIRECTORY"
language=${1:?"$usage"}
library=${2:?"$usage"}
directory=${3:?"$usage"}
bindings=$(cd "$(dirname "$0")" && pwd)

fail() { echo "package.sh: $*" >&2; exit 1; }

# Where JNA, lib/library.js and NuGet look for the library.
case $language in
    java) place=src/main/resources/linux-x86-64/liblesionlens.so license=src/main/resources/META-INF/LICENSE.txt ;;
    node) place=liblesionlens.so license=LICENSE.txt ;;
    csharp) place=runtimes/linux-x64/native/liblesionlens.so.0 license=LICENSE.txt ;;
    *) fail "'$language' is none of java, node and csharp" ;;
esac
# In the source tree, and in what `make dist` packs.
for terms in "$bindings/../LICENSE.txt" "$bindings/../share/doc/lesionlens/LICENSE.txt"; do
    [ ! -f "$terms" ] || break
done
[ -f "$library" ] || fail "there is no $library; run make"
[ ! -e "$directory" ] || fail "$directory is there already"

mkdir -p "$directory"
cp -R "$bindings/$language/." "$directory"
rm -rf "$directory/test" "$directory"/test*.sh "$directory/node_modules"
mkdir -p "$(dirname "$directory/$place")" "$(dirname "$directory/$license")"
cp "$terms" "$directory/$license"
# Nine tenths of the library are for debuggers.
strip --strip-unneeded -o "$directory/$place" "$library"
