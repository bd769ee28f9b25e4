#!/bin/sh
# viewer_e2e.sh: tests `lesionlens view` in Debian's chromium (viewer/e2e), with the program that was built. Screenshots go to
# target/viewer.
#
# LENS_PROGRAM   the program; default target/release/lesionlens
# LENS_CHROMIUM  the browser; default /usr/bin/chromium, which is installed where it is missing
# LENS_LEFT_OUT  a file that gets a line for what cannot be tested here
set -eu
cd "$(dirname "$0")/.."

leave_out() { # REASON
    printf 'left out: lesionlens view in a browser (%s)\n' "$1" | tee -a "${LENS_LEFT_OUT:-/dev/null}"
    exit 0
}

LENS_PROGRAM=${LENS_PROGRAM:-$PWD/target/release/lesionlens}
[ -x "$LENS_PROGRAM" ] || { echo "viewer_e2e.sh: there is no $LENS_PROGRAM" >&2; exit 1; }
if [ -z "${LENS_CHROMIUM:-}" ]; then
    tools/apt.sh chromium || leave_out "no chromium"
    LENS_CHROMIUM=/usr/bin/chromium
fi
node=$(tools/node.sh) || leave_out "no Node 20.19 or newer"
PATH=$node:$PATH
cd viewer/e2e
npm ci --no-audit --no-fund --loglevel=error || leave_out "its packages cannot be installed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# The first test that needs it makes it; files of tests run one after the other.
LENS_VIEWER_MODEL=$work/model.safetensors
export LENS_PROGRAM LENS_CHROMIUM LENS_VIEWER_MODEL
node --test --test-concurrency=1 --test-reporter=spec ./*.test.js
