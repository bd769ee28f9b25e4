#!/bin/sh
# viewer.sh all|check: the page of `lesionlens view`.
#   all     installs its packages, checks and tests it, and builds it into viewer/dist, which is committed
#   check   the same, and says whether viewer/dist is what the sources build, without changing it
#
# LENS_LEFT_OUT  a file that gets a line where this cannot be done here (no Node and none to be fetched, or no packages)
set -eu
cd "$(dirname "$0")/../viewer"
what=${1:-}

leave_out() { # REASON
    printf 'left out: the page of lesionlens view (%s)\n' "$1" | tee -a "${LENS_LEFT_OUT:-/dev/null}"
    [ "$what" = check ] || exit 1
    exit 0
}

case $what in
all | check) ;;
*)
    echo "usage: viewer.sh all|check" >&2
    exit 2
    ;;
esac

node=$(../tools/node.sh) || leave_out "no Node 20.19 or newer"
PATH=$node:$PATH
npm ci --no-audit --no-fund --loglevel=error || leave_out "its packages cannot be installed"
npm run --silent check
npm test --silent

built=dist
if [ "$what" = check ]; then
    built=$(mktemp -d)
    trap 'rm -rf "$built"' EXIT
fi
npm run --silent build -- --outDir "$built" --emptyOutDir

# What a browser loads, compressed as servers would.
most=150000
bytes=$(cat "$built"/* | gzip -9 | wc -c)
echo "the page: $bytes bytes compressed, at most $most"
[ "$bytes" -lt "$most" ] || exit 1

[ "$what" = check ] || exit 0
if ! diff -rq dist "$built"; then
    echo "viewer/dist is not what viewer/src builds: run make viewer, and commit it" >&2
    exit 1
fi
