# shellcheck shell=sh
# What both tests share. Sourced, with the test's name in $0.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
libtorch=$(dirname "$(realpath "$root/.libtorch/view/lib/libtorch_cpu.so")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0
# Options and variables of an outer make are not this test's.
unset MAKEFLAGS MAKELEVEL MFLAGS LIBTORCH LD_LIBRARY_PATH LESIONLENS_LIBRARY

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    failures=$((failures + 1))
}

left_out() {
    printf 'left out: %s\n' "$1" | tee -a "${LENS_LEFT_OUT:-/dev/null}"
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
    printf '%s: %s\n' "$(basename "$0")" "$1"
    exit 0
}

# The directories that nothing installed may need: the build tree and the libtorch it was built against.
hidden_directories() {
    printf '%s\n' "$root" "$(realpath "$root/.libtorch")" "$(realpath "$libtorch/..")"
    realpath -e "$libtorch/../../nvidia" 2>/dev/null || true
}

# Runs a command where those directories are empty, in a mount namespace; from /, with the files it needs in $work.
if unshare -m true 2>/dev/null; then
    namespace="unshare -m"
elif unshare -rm true 2>/dev/null; then
    namespace="unshare -rm"
else
    namespace=
    left_out "running what is installed with the build tree hidden (unshare is not permitted; open files are looked at)"
fi

# apart NAME COMMAND...: output in $work/NAME.out and .err; fails when a library of the hidden directories is opened.
apart() {
    name=$1
    shift
    if [ -n "$namespace" ]; then
        hidden_directories >"$work/hidden"
        # shellcheck disable=SC2016,SC2086
        LD_DEBUG=libs LD_DEBUG_OUTPUT="$work/$name.libs" $namespace sh -c '
            while read -r hidden; do [ ! -d "$hidden" ] || mount -t tmpfs none "$hidden" || exit 99; done <"$0"
            cd / && exec "$@"' "$work/hidden" "$@" >"$work/$name.out" 2>"$work/$name.err"
    else
        (cd / && LD_DEBUG=libs LD_DEBUG_OUTPUT="$work/$name.libs" exec "$@") >"$work/$name.out" 2>"$work/$name.err"
    fi
    status=$?
    [ "$status" -eq 0 ] || { tail -n 20 "$work/$name.err" >&2; fail "$name: exit status $status"; }
    hidden_directories | while read -r hidden; do
        grep -hF "$hidden/" "$work/$name".libs.* | grep -E 'calling init|trying file' | head -n 3
    done >"$work/$name.opened"
    [ ! -s "$work/$name.opened" ] || { cat "$work/$name.opened" >&2; fail "$name looks into the build tree"; }
}
