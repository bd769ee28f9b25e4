#!/bin/sh
# Builds the documentation site in target/docs: the pages of docs/SUMMARY.md (mdBook), and the references of the C and C++
# headers (Doxygen), of the crates without libtorch (rustdoc) and of the Python package (pdoc, which loads the built
# library). A warning of Doxygen or rustdoc fails the build, and so does a dead link.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
tools=target/tools
site=target/docs
mdbook=0.5.4
python_packages='numpy>=1.24,<3 pdoc==16.0.0'

say() { printf 'docs: %s\n' "$*" >&2; }

if [ "$("$tools/bin/mdbook" --version 2>/dev/null)" != "mdbook v$mdbook" ]; then
    say "building mdBook $mdbook in $tools (once, some minutes)"
    cargo install mdbook --version "=$mdbook" --locked --no-default-features --features search --quiet --force \
        --root "$tools" --target-dir "$tools/build"
    rm -rf "$tools/build"
fi
if [ "$(cat "$tools/docs-python/packages" 2>/dev/null)" != "$python_packages" ]; then
    say "installing pdoc in $tools/docs-python"
    # shellcheck disable=SC2086
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        python3 -m pip install --quiet --upgrade --target "$tools/docs-python" $python_packages
    echo "$python_packages" >"$tools/docs-python/packages"
fi
tools/apt.sh doxygen || command -v doxygen >/dev/null || { say 'needs doxygen'; exit 1; }

rm -rf "$site"
say 'pages'
python3 tools/docs/stage.py target/docs-source
RUST_LOG=warn "$tools/bin/mdbook" build --dest-dir "$root/$site" target/docs-source
mkdir -p "$site/api"

say 'C and C++'
doxygen tools/docs/Doxyfile
# Members that say it all by their name and type have no comment there.
{
    cat tools/docs/Doxyfile
    printf '%s\n' 'PROJECT_BRIEF = "C++ interface"' 'INPUT = bindings/cpp/lesionlens.hpp' 'HTML_OUTPUT = cpp' \
        'EXTRACT_ALL = YES' 'GENERATE_TAGFILE =' 'TAGFILES = target/docs-source/c.tag=../c'
} | doxygen -

say 'Rust'
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --release --lib --no-deps --workspace \
    --exclude lens-torch --exclude lens-generated
cp -R target/doc "$site/api/rust"

say 'Python'
LESIONLENS_LIBRARY="$root/target/release/liblesionlens.so" PYTHONPATH="$tools/docs-python:bindings/python" \
    python3 -W 'ignore:Error parsing type annotation' -m pdoc --output-directory "$site/api/python" lesionlens

python3 tools/docs/links.py "$site"
say "$site/index.html"
