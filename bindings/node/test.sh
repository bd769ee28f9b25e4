#!/bin/sh
# Tests of the Node binding: test.sh DIRECTORY, which holds the model and what ffi-tests/viewers/expected.py wrote.
# Exit status 77, and a line that says why, where a tool is missing. LENS_LIBRARY_DIR: where liblesionlens.so lies.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1
libraries=${LENS_LIBRARY_DIR:-$root/target/release}
build=$root/target/node

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "no Node with npm"
    exit 77
fi

# What comes from the registry stays in target.
export npm_config_cache="$root/target/npm-cache"

# A copy, so that node_modules never lies in the tree; kept until the lock file changes.
mkdir -p "$build"
cp "$root/bindings/node/package.json" "$build/"
if ! cmp -s "$root/bindings/node/package-lock.json" "$build/package-lock.json" || ! [ -d "$build/node_modules" ]; then
    cp "$root/bindings/node/package-lock.json" "$build/package-lock.new"
    rm -f "$build/package-lock.json"
    cp "$build/package-lock.new" "$build/package-lock.json"
    (cd "$build" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || {
        cat "$build/npm.log" >&2
        rm -f "$build/package-lock.json"
        exit 1
    }
fi
rm -rf "$build/lib" "$build/test"
cp -r "$root"/bindings/node/index.*js "$root/bindings/node/lib" "$root/bindings/node/test" "$build/"
python3 "$root/tools/bindings" layout node >"$build/layout.c"
${CC:-cc} -I"$root/include" "$build/layout.c" -o "$build/layout"
"$build/layout" >"$build/layout.txt"

LESIONLENS_LIBRARY="$libraries/liblesionlens.so" LENS_TEST_DIRECTORY=$directory LENS_TEST_LAYOUT=$build/layout.txt \
    node --test-reporter=spec "$build/test/bindings.test.js"

sh "$root/bindings/node/test_npm.sh" "$directory"
