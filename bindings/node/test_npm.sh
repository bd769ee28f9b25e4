#!/bin/sh
# The package as npm's users get it: test_npm.sh DIRECTORY, as test.sh. Packed with the library in it, installed into a
# project that depends on nothing else, without any path to this tree, and used from there as an ES module, as a CommonJS
# one, and by TypeScript.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1
library=${LENS_LIBRARY_DIR:-$root/target/release}/liblesionlens.so
build=$root/target/node/npm
project=$build/project
export npm_config_cache="$root/target/npm-cache"

rm -rf "$build"
mkdir -p "$project"
sh "$root/bindings/package.sh" node "$library" "$build/package"
(cd "$build/package" && npm pack --silent --pack-destination "$build") >"$build/packed"
tarball=$build/$(cat "$build/packed")

echo '{ "name": "viewer", "version": "1.0.0", "private": true }' >"$project/package.json"
compiler=$(node -p 'Object.entries(require(process.argv[1]).devDependencies).map((one) => one.join("@")).join(" ")' \
    "$build/package/package.json")
# shellcheck disable=SC2086
(cd "$project" && npm install --ignore-scripts --prefer-offline --no-audit --no-fund "$tarball" $compiler) \
    >"$build/log" 2>&1 || { cat "$build/log" >&2; exit 1; }

cp "$directory/gray8.png" "$project/frame.png"
cp "$directory/model.safetensors" "$project/"
awk '/^```js$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/bindings/node/README.md" >"$project/viewer.mjs"
cp "$root/bindings/node/test/viewer.cjs" "$project/"
for program in viewer.mjs viewer.cjs; do
    rm -f "$project/overlay.png"
    (cd "$project" && env -u LESIONLENS_LIBRARY node "$program") >"$build/printed"
    grep -qE '^probability 0\.[0-9]+$' "$build/printed" || { cat "$build/printed" >&2; exit 1; }
    [ -s "$project/overlay.png" ] || { echo "$program wrote no overlay.png" >&2; exit 1; }
done
cp "$root/bindings/node/test/tsconfig.json" "$project/"
for kind in mts cts; do cp "$root/bindings/node/test/types.ts" "$project/types.$kind"; done
(cd "$project" && node_modules/.bin/tsc -p .)
echo "a project with nothing but the installed package runs README.md's program, as ESM and as CommonJS, and its types hold ... ok"
