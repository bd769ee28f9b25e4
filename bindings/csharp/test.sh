#!/bin/sh
# Tests of the C# binding: test.sh DIRECTORY, which holds the model and what ffi-tests/viewers/expected.py wrote. They run
# on Mono, which compiles them, and on .NET, whose runtime comes from PyPI; what is not installed lies in target.
# Exit status 77, and a line that says why, where there is no Mono. LENS_LIBRARY_DIR: where liblesionlens.so lies.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1
library=${LENS_LIBRARY_DIR:-$root/target/release}/liblesionlens.so
build=$root/target/csharp

if command -v mcs >/dev/null && command -v mono >/dev/null; then
    mono() { command mono "$@"; }
    compiler() { command mcs "$@"; }
else
    packages=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances mono-mcs mono-runtime 2>/dev/null | grep '^[a-z].*mono\|^mono' | sort -u)
    # shellcheck disable=SC2086
    if [ -z "$packages" ] || ! "$root/tools/unpack_debian.sh" "$root/target/mono" $packages; then
        echo "no Mono"
        exit 77
    fi
    export MONO_CFG_DIR="$root/target/mono/etc" MONO_GAC_PREFIX="$root/target/mono/usr"
    mono() { "$root/target/mono/usr/bin/mono-sgen" "$@"; }
    compiler() { mono "$root/target/mono/usr/lib/mono/4.5/mcs.exe" "$@"; }
fi
dotnet=$root/target/dotnet/dotnetcore2/bin/dotnet
if ! [ -f "$dotnet" ]; then
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-deps \
        --target "$root/target/dotnet" dotnetcore2==3.1.23 ||
        echo "left out: bindings/csharp on .NET (its runtime, dotnetcore2, cannot be had from PyPI)"
fi
[ ! -f "$dotnet" ] || chmod +x "$dotnet"

rm -rf "$build"
mkdir -p "$build/viewer"
compile() { # FILE ARGUMENTS...
    file=$1
    shift
    compiler -langversion:7 -warn:4 -warnaserror -out:"$build/$file" "$@"
}
# What runs the programs: .NET has no culture's data without ICU.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
echo '{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" } } }' \
    >"$build/runtimeconfig.json"
on_mono() { mono "$@"; }
on_dotnet() { "$dotnet" exec --runtimeconfig "$build/runtimeconfig.json" "$@"; }
runtimes=on_mono
[ ! -f "$dotnet" ] || runtimes="on_mono on_dotnet"

compile tests.exe "$root"/bindings/csharp/*.cs "$root/bindings/csharp/test/Tests.cs"
python3 "$root/tools/bindings" layout csharp >"$build/layout.c"
${CC:-cc} -I"$root/include" "$build/layout.c" -o "$build/layout"
"$build/layout" >"$build/layout.txt"
for run in $runtimes; do
    echo "${run#on_}:"
    LESIONLENS_LIBRARY=$library $run "$build/tests.exe" "$directory" "$build/layout.txt"
done

# README.md's program with the library's assembly beside it, and liblesionlens.so where NuGet's packages lay it.
sh "$root/bindings/package.sh" csharp "$library" "$build/package"
compile viewer/Lesionlens.dll -target:library -nowarn:1591 -doc:"$build/viewer/Lesionlens.xml" "$build"/package/*.cs
awk '/^```csharp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/bindings/csharp/README.md" \
    >"$build/viewer/Viewer.cs"
compile viewer/Viewer.exe -r:"$build/viewer/Lesionlens.dll" "$build/viewer/Viewer.cs"
cp "$directory/gray8.png" "$build/viewer/frame.png"
cp "$directory/model.safetensors" "$build"/package/runtimes/linux-x64/native/* "$build/viewer/"
cd "$build/viewer"
for run in $runtimes; do
    rm -f overlay.png
    (unset LESIONLENS_LIBRARY && $run Viewer.exe) | grep -qE '^probability 0[.,][0-9]+$'
    [ -s overlay.png ] || { echo "README.md's program wrote no overlay.png" >&2; exit 1; }
done

# Without the library: what was tried, and what to do.
rm liblesionlens.so.0
for run in $runtimes; do
    said=$(LESIONLENS_LIBRARY=/nowhere/liblesionlens.so $run Viewer.exe 2>&1) && exit 1
    for part in DllNotFoundException /nowhere/liblesionlens.so 'cannot open' LESIONLENS_LIBRARY LesionlensLibrary.Path; do
        case $said in
            *"$part"*) ;;
            *) printf 'no "%s" in: %s\n' "$part" "$said" >&2; exit 1 ;;
        esac
    done
done
echo "a program with nothing but the package's files beside it runs ... ok"
