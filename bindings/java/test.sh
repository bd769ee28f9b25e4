#!/bin/sh
# Tests of the Java binding: test.sh DIRECTORY, which holds the model and what ffi-tests/viewers/expected.py wrote.
# Exit status 77, and a line that says why, where a tool is missing. LENS_LIBRARY_DIR: where liblesionlens.so lies.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1
libraries=${LENS_LIBRARY_DIR:-$root/target/release}
build=$root/target/java
jna=${LENS_JNA:-/usr/share/java/jna.jar}

if ! command -v javac >/dev/null || ! command -v java >/dev/null; then
    echo "no JDK"
    exit 77
fi
natives=
if ! [ -f "$jna" ]; then
    jna=$root/target/jna/usr/share/java/jna.jar
    "$root/tools/unpack_debian.sh" "$root/target/jna" libjna-java libjna-jni || { echo "no JNA"; exit 77; }
    natives=$(dirname "$(find "$root/target/jna/usr/lib" -name libjnidispatch.so)")
fi

rm -rf "$build"
mkdir -p "$build/classes" "$build/snippet"
python3 "$root/tools/bindings" layout java >"$build/layout.c"
${CC:-cc} -I"$root/include" "$build/layout.c" -o "$build/layout"
"$build/layout" >"$build/layout.txt"
# What a reader of README.md would type.
awk '/^```java$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/bindings/java/README.md" \
    >"$build/snippet/Viewer.java"
# Short runs: the second compiler of the virtual machine costs more than it gives.
javac -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC --release 17 -encoding UTF-8 -Xlint:all,-try -Werror -cp "$jna" \
    -d "$build/classes" "$root"/bindings/java/src/main/java/org/lesionlens/*.java \
    "$root"/bindings/java/test/org/lesionlens/*.java "$build/snippet/Viewer.java"

# In the C locale of a bare machine Java has no paths beyond ASCII.
export LC_ALL=C.UTF-8

run() {
    java -XX:TieredStopAtLevel=1 -Djava.awt.headless=true -Dfile.encoding=UTF-8 \
        ${natives:+-Djna.boot.library.path="$natives"} -cp "$jna:$build/classes" "$@"
}

LESIONLENS_LIBRARY=$libraries/liblesionlens.so run -Dlesionlens.test.directory="$directory" \
    -Dlesionlens.test.layout="$build/layout.txt" org.lesionlens.BindingsTest
cp "$directory/gray8.png" "$build/snippet/frame.png"
cp "$directory/model.safetensors" "$build/snippet/"
(cd "$build/snippet" && run -Dlesionlens.library="$libraries/liblesionlens.so" Viewer) |
    grep -qE '^probability 0\.[0-9]+$'
[ -s "$build/snippet/overlay.png" ] || { echo "README.md's program wrote no overlay.png" >&2; exit 1; }

# Without the library: what was tried, and what to do.
said=$(cd "$build/snippet" && LESIONLENS_LIBRARY=/nowhere/liblesionlens.so run Viewer 2>&1) && exit 1
for part in UnsatisfiedLinkError /nowhere/liblesionlens.so lesionlens.library LESIONLENS_LIBRARY; do
    case $said in
        *"$part"*) ;;
        *) printf 'no "%s" in: %s\n' "$part" "$said" >&2; exit 1 ;;
    esac
done

sh "$root/bindings/java/test_maven.sh" "$directory"
