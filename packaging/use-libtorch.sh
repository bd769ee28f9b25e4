#!/bin/sh
# use-libtorch.sh [DIRECTORY]: links lib/lesionlens/libtorch to a libtorch 2.13.0, the directory that holds
# lib/libtorch_cpu.so: an unpacked libtorch, or site-packages/torch of a PyTorch (pip install torch==2.13.0), which is
# looked for when no directory is given.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
link=$here/lib/lesionlens/libtorch

if [ $# -eq 0 ]; then
    # Without running it.
    set -- "$(python3 -c '
import importlib.util
torch = importlib.util.find_spec("torch")
print(torch.submodule_search_locations[0] if torch else "")')"
    if [ -z "$1" ]; then
        echo "use-libtorch.sh: python3 has no torch; give the directory of a libtorch 2.13.0" >&2
        exit 1
    fi
fi
[ -e "$1/lib/libtorch_cpu.so" ] || { echo "use-libtorch.sh: there is no $1/lib/libtorch_cpu.so" >&2; exit 1; }
directory=$(cd "$1" && pwd)

if [ -e "$link" ] && [ ! -L "$link" ]; then
    echo "use-libtorch.sh: $link is a libtorch, not a link to one; move it away first" >&2
    exit 1
fi
before=$(readlink "$link" || true)
mkdir -p "$(dirname "$link")"
ln -sfn "$directory" "$link"
# Loads it and compares versions.
if ! "$here/bin/lesionlens" info --engine torch >/dev/null; then
    if [ -n "$before" ]; then ln -sfn "$before" "$link"; else rm "$link"; fi
    echo "use-libtorch.sh: $directory cannot be used, see above" >&2
    exit 1
fi
echo "using $directory"
