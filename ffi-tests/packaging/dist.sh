#!/bin/sh
# make dist: the tarball is unpacked elsewhere and run there: dist.sh MODEL.
. "$(dirname "$0")/common.sh"
model=$1
python=${LENS_PYTHON:-python3}
cp "$model" "$work/model.safetensors"
python3 "$root/ffi-tests/cpp/example_image.py" "$work/image.png"

make --no-print-directory -C "$root" dist DIST="$work/dist" >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail "make dist"; finish; }
mkdir "$work/elsewhere"
tar -C "$work/elsewhere" -xzf "$work"/dist/*.tar.gz || { fail "there is no tarball"; finish; }
tree=$(echo "$work"/elsewhere/lesionlens-*)
for file in lib/liblesionlens.so lib/liblesionlens_torch.so include/lesionlens.h include/lesionlens.hpp bindings/python/lesionlens/__init__.py \
    share/doc/lesionlens/LICENSE.txt share/doc/lesionlens/THIRD-PARTY-NOTICES.txt share/doc/lesionlens/sbom.cdx.json \
    examples/cpp/viewer.cpp README.md; do
    [ -s "$tree/$file" ] || fail "$file is not in the tarball"
done
runpath=$(readelf -d "$tree/lib/liblesionlens_torch.so" | sed -n 's/.*(RUNPATH).*\[\(.*\)\]/\1/p')
[ "$runpath" = '$ORIGIN:$ORIGIN/lesionlens/libtorch/lib' ] || fail "RUNPATH is $runpath"
readelf -S "$tree/lib/liblesionlens.so" | grep -q '\.debug_info' && fail "debug information is in the library"
readelf -S "$work"/dist/liblesionlens.so.*.debug | grep -q '\.debug_line' || fail "there is no debug information beside the tarball"
number_of() { readelf -n "$1" | sed -n 's/.*Build ID: //p'; }
[ "$(number_of "$tree/lib/liblesionlens.so")" = "$(number_of "$work"/dist/liblesionlens.so.*.debug)" ] ||
    fail "the debug information is of another build"

# Without libtorch the CPU does everything.
apart lesionlens "$tree/bin/lesionlens" classify --model "$work/model.safetensors" "$work/image.png" --json

# A libtorch away from the build tree; copying half a gigabyte takes less time than packing it.
sh "$root/packaging/copy_libtorch.sh" "$libtorch" "$work/libtorch/lib"
"$tree/use-libtorch.sh" "$work" >"$work/log" 2>&1 && fail "use-libtorch.sh takes a directory without libtorch"
mkdir -p "$work/broken/lib"
printf 'not a library' >"$work/broken/lib/libtorch_cpu.so"
"$tree/use-libtorch.sh" "$work/broken" >"$work/log" 2>&1 && fail "use-libtorch.sh takes a broken libtorch"
[ ! -e "$tree/lib/lesionlens/libtorch" ] || fail "use-libtorch.sh leaves its link to a broken libtorch"
apart use-libtorch "$tree/use-libtorch.sh" "$work/libtorch"
apart lesionlens-torch "$tree/bin/lesionlens" classify --engine torch --model "$work/model.safetensors" "$work/image.png" --json

cat >"$work/snippet.py" <<'PYTHON'
import sys

import lesionlens

with lesionlens.Context(engine="torch") as context:
    model = context.load_model(sys.argv[1])
    print("%.6f" % model.classify(lesionlens.ImageFile(sys.argv[2]).array).probability)
with open("/proc/self/maps") as maps:
    print(sorted({line.split()[-1] for line in maps if "lesionlens.so" in line or "libtorch_cpu" in line}))
PYTHON
# NumPy may lie in the build tree.
site=$("$python" -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])')
mkdir "$work/site"
cp -r "$site"/numpy* "$work/site/"
apart python env PYTHONPATH="$tree/bindings/python:$work/site" PYTHONDONTWRITEBYTECODE=1 \
    "$("$python" -c 'import sys; print(sys.executable)')" "$work/snippet.py" "$work/model.safetensors" "$work/image.png"
for loaded in "$tree/lib/liblesionlens.so" "$work/libtorch/lib/libtorch_cpu.so"; do
    grep -qF "$loaded" "$work/python.out" ||
        fail "Python has loaded $(tail -n 1 "$work/python.out"), not $loaded"
done
probability=$(head -n 1 "$work/python.out" | cut -c 1-6)
grep -q "\"probability\": *$probability" "$work/lesionlens.out" ||
    fail "Python says $probability, lesionlens: $(cat "$work/lesionlens.out")"

tools=$root/target/sbom-python
[ -d "$tools/cyclonedx" ] || PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install \
    --quiet --upgrade --target "$tools" 'cyclonedx-python-lib[json-validation]==11.6.0' >"$work/log" 2>&1
if [ -d "$tools/cyclonedx" ]; then
    PYTHONPATH="$tools" python3 "$root/ffi-tests/packaging/sbom.py" "$tree/share/doc/lesionlens" "$root/Cargo.lock" ||
        fail "the SBOM or the notices are not complete"
else
    left_out "the SBOM against CycloneDX's schema (cyclonedx-python-lib cannot be installed)"
fi

finish "unpacked elsewhere, and run there from C and Python without the build tree"
