#!/bin/sh
# unpack_debian.sh DIRECTORY PACKAGE...: downloads Debian packages, with those that they need and that are not installed,
# and unpacks them into DIRECTORY; nothing is installed. Exit status 1, and one line saying why, when it cannot.
set -u

directory=$1
shift
[ "$(cat "$directory/complete" 2>/dev/null)" != "$*" ] || exit 0
command -v apt-get >/dev/null || { echo "unpack_debian.sh: no apt-get here, for $*" >&2; exit 1; }
rm -rf "$directory"
mkdir -p "$directory/packages"
log=$directory/log

download() {
    # What is installed already is downloaded only when it was asked for by name.
    # shellcheck disable=SC2046
    apt-get install -s --no-install-recommends "$@" 2>"$log" | sed -n 's/^Inst \([^ ]*\) .*/\1/p' >"$directory/needed" &&
        (cd "$directory/packages" && apt-get download -q "$@" $(cat ../needed) >>"$log" 2>&1)
}
update() {
    if [ "$(id -u)" -eq 0 ]; then apt-get update -q; else sudo -n apt-get update -q; fi >>"$log" 2>&1
}
# Lists older than the mirror's packages are refreshed once.
if ! download "$@" && ! { update && download "$@"; }; then
    tail -n 1 "$log" >&2
    echo "unpack_debian.sh: cannot download $*" >&2
    exit 1
fi
for package in "$directory"/packages/*.deb; do
    dpkg-deb -x "$package" "$directory" || exit 1
done
rm -r "$directory/packages" "$directory/needed" "$log"
echo "$*" >"$directory/complete"
