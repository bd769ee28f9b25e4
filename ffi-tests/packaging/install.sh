#!/bin/sh
# make install, and programs built against what it installed: install.sh MODEL.
. "$(dirname "$0")/common.sh"
model=$1
cp "$model" "$work/model.safetensors"
python3 "$root/ffi-tests/cpp/example_image.py" "$work/image.png"

install_to() { # VARIABLES...
    make --no-print-directory -C "$root" install "$@" >"$work/install.out" 2>&1 ||
        { cat "$work/install.out" >&2; fail "make install $*"; finish; }
}

runpath_of() {
    readelf -d "$1" | sed -n 's/.*(RUNPATH).*\[\(.*\)\]/\1/p'
}

# Into a package maker's directory, under another name for lib, and out of it again.
staged=$work/staged/opt/lesionlens
install_to DESTDIR="$work/staged" PREFIX=/opt/lesionlens LIBDIR=lib/x86_64
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
[ "$(readlink "$staged/lib/x86_64/liblesionlens.so")" = liblesionlens.so.0 ] &&
    [ "$(readlink "$staged/lib/x86_64/liblesionlens.so.0")" = "liblesionlens.so.$version" ] ||
    fail "liblesionlens.so does not lead to liblesionlens.so.0 and on to liblesionlens.so.$version"
grep -qF "$libtorch" "$work/install.out" || fail "make install does not say which libtorch the second library uses"
[ "$(runpath_of "$staged/lib/x86_64/liblesionlens.so")" = "" ] || fail "the library has a RUNPATH"
[ "$(runpath_of "$staged/lib/x86_64/liblesionlens_torch.so")" = "\$ORIGIN:\$ORIGIN/lesionlens/libtorch/lib:$libtorch" ] ||
    fail "RUNPATH is $(runpath_of "$staged/lib/x86_64/liblesionlens_torch.so")"
for engine in auto torch; do
    "$staged/bin/lesionlens" info --engine $engine >/dev/null || fail "the installed lesionlens does not run ($engine)"
done
[ "$(wc -c <"$(readlink -f "$staged/lib/x86_64/liblesionlens.so")")" -le 12582912 ] || fail "the library is larger than 12 MiB"
up=$(sed -n 's/^prefix=${pcfiledir}//p' "$staged/lib/x86_64/pkgconfig/lesionlens.pc")
[ -n "$up" ] && [ -f "$staged/lib/x86_64/pkgconfig$up/include/lesionlens.h" ] ||
    fail "the prefix of lesionlens.pc does not lead to the headers"
[ "$("$staged/bin/lens-host" --version)" = "lens-host $version" ] || fail "lens-host does not lead to the program"
for file in man/man1/lesionlens.1 man/man1/lesionlens-train.1 bash-completion/completions/lesionlens zsh/site-functions/_lesionlens \
    fish/vendor_completions.d/lesionlens.fish; do
    [ -s "$staged/share/$file" ] || fail "share/$file is not installed"
done
make --no-print-directory -C "$root" uninstall DESTDIR="$work/staged" PREFIX=/opt/lesionlens LIBDIR=lib/x86_64 \
    >/dev/null
left=$(find "$work/staged" ! -type d)
[ -z "$left" ] || fail "make uninstall leaves $left"

# With libtorch, and then moved: nothing may remember the first place.
install_to PREFIX="$work/first" WITH_LIBTORCH=1
mv "$work/first" "$work/moved"
[ "$(runpath_of "$work/moved/lib/liblesionlens_torch.so")" = '$ORIGIN:$ORIGIN/lesionlens/libtorch/lib' ] ||
    fail "RUNPATH is $(runpath_of "$work/moved/lib/liblesionlens_torch.so")"
remembered=$(grep -rlF --include='*.pc' --include='*.cmake' -e "$work" -e "$root" "$work/moved")
[ -z "$remembered" ] || fail "absolute paths are in $remembered"
apart lesionlens "$work/moved/bin/lesionlens" classify --model "$work/model.safetensors" "$work/image.png"
apart lesionlens-torch "$work/moved/bin/lesionlens" classify --engine torch --model "$work/model.safetensors" "$work/image.png"

view() { # NAME: a viewer in $work/NAME/viewer
    apart "$1" "$work/$1/viewer" "$work/model.safetensors" "$work/image.png" "$work/$1.png"
    grep -q '^heatmap 160 x 120' "$work/$1.out" && [ -s "$work/$1.png" ] || fail "$1: the viewer drew nothing"
}

if command -v cmake >/dev/null; then
    mkdir "$work/cmake"
    cp -r "$root/examples/cpp" "$work/cmake/source"
    cmake -S "$work/cmake/source" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/log" 2>&1 &&
        cmake --build "$work/cmake" >>"$work/log" 2>&1 && view cmake ||
        { cat "$work/log" >&2; fail "the CMake project does not build"; }

    find_version() { # REQUEST: configures a project that asks for it
        mkdir -p "$work/version"
        printf '%s\n' 'cmake_minimum_required(VERSION 3.19)' 'project(version NONE)' \
            "find_package(lesionlens $1 CONFIG REQUIRED)" >"$work/version/CMakeLists.txt"
        rm -rf "$work/version/build"
        cmake -S "$work/version" -B "$work/version/build" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/version/log" 2>&1
    }
    minor=${version%.*}
    for wanted in "$minor" "$version" "$version EXACT" "0.0...0.99" ""; do
        find_version "$wanted" || fail "find_package(lesionlens $wanted) does not take version $version"
    done
    for wanted in 0.0.1 "$minor.999" 0.99 1 "0.0...<$version"; do
        if find_version "$wanted"; then
            fail "find_package(lesionlens $wanted) takes version $version"
        else
            grep -q "version: $version" "$work/version/log" ||
                fail "find_package(lesionlens $wanted) does not say why not"
        fi
    done
    rm "$work/moved/include/lesionlens.h"
    find_version "$minor" && fail "an installation without its header is found"
    grep -q 'lesionlens.h is missing' "$work/version/log" || fail "CMake does not say that the header is missing"
    cp "$root/include/lesionlens.h" "$work/moved/include/"
else
    left_out "a CMake project against the installed tree (no cmake)"
fi

if command -v pkg-config >/dev/null; then
    cp -r "$root/examples/cpp" "$work/pkg-config"
    PKG_CONFIG_PATH="$work/moved/lib/pkgconfig" make -C "$work/pkg-config" viewer >"$work/log" 2>&1 &&
        view pkg-config || { cat "$work/log" >&2; fail "the Makefile with pkg-config does not build"; }
else
    left_out "a Makefile with pkg-config against the installed tree (no pkg-config)"
fi

finish "installed, moved, found by CMake and pkg-config, and run without the build tree"
