#!/bin/sh
# Tests of the C# binding: test.sh DIRECTORY, which holds the model and what ffi-tests/viewers/expected.py wrote.
# Exit status 77, and a line that says why, where a tool is missing. LENS_LIBRARY_DIR: where liblesionlens.so lies.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1
libraries=${LENS_LIBRARY_DIR:-$root/target/release}
build=$root/target/csharp

if ! command -v mcs >/dev/null || ! command -v mono >/dev/null; then
    "$root/tools/apt.sh" mono-mcs mono-runtime >/dev/null 2>&1 || { echo "no Mono"; exit 77; }
fi

rm -rf "$build"
mkdir -p "$build"
compile() { # PROGRAM SOURCES...
    program=$1
    shift
    mcs -langversion:7 -warn:4 -warnaserror -out:"$build/$program" "$root"/bindings/csharp/*.cs "$@"
}
compile tests.exe "$root/bindings/csharp/test/Tests.cs"
# What a reader of README.md would type.
awk '/^```csharp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/bindings/csharp/README.md" \
    >"$build/Viewer.cs"
compile Viewer.exe "$build/Viewer.cs"
python3 "$root/tools/bindings" layout csharp >"$build/layout.c"
${CC:-cc} -I"$root/include" "$build/layout.c" -o "$build/layout"
"$build/layout" >"$build/layout.txt"

LESIONLENS_LIBRARY=$libraries/liblesionlens.so mono "$build/tests.exe" "$directory" "$build/layout.txt"
cp "$directory/gray8.png" "$build/frame.png"
cp "$directory/model.safetensors" "$build/"
(cd "$build" && LESIONLENS_LIBRARY=$libraries/liblesionlens.so mono Viewer.exe) | grep -qE '^probability 0[.,][0-9]+$'
[ -s "$build/overlay.png" ] || { echo "README.md's program wrote no overlay.png" >&2; exit 1; }

# Without the library: what was tried, and what to do.
said=$(cd "$build" && LESIONLENS_LIBRARY=/nowhere/liblesionlens.so mono Viewer.exe 2>&1) && exit 1
for part in DllNotFoundException /nowhere/liblesionlens.so LESIONLENS_LIBRARY Lesionlens.LibraryPath; do
    case $said in
        *"$part"*) ;;
        *) printf 'no "%s" in: %s\n' "$part" "$said" >&2; exit 1 ;;
    esac
done
