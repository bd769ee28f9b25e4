#!/bin/sh
# apt.sh PACKAGE...: installs the Debian packages that are missing. Exit status 1, and one line saying which, when it cannot.
set -u

missing=
for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    $as_root true 2>/dev/null || { echo "apt.sh: missing:$missing (apt-get install$missing)" >&2; exit 1; }
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Lists older than the mirror's packages are refreshed once.
# shellcheck disable=SC2086
for attempt in first second; do
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1 && exit 0
    [ "$attempt" = second ] || $as_root apt-get update -q >>"$log" 2>&1 || break
done
tail -n 3 "$log" >&2
echo "apt.sh: cannot install:$missing" >&2
exit 1
