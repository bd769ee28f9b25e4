#!/bin/sh
# apt.sh PACKAGE...: installs the Debian packages that are missing, for the whole system, after a line that says so.
# Exit status 1, and one line saying which are missing, when it cannot or LENS_NO_APT is set.
set -u

missing=
for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

refuse() { # REASON
    echo "apt.sh: missing:$missing ($1); what needs them is left out" >&2
    exit 1
}
[ -z "${LENS_NO_APT:-}" ] || refuse "LENS_NO_APT is set"
command -v apt-get >/dev/null || refuse "there is no apt-get"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    $as_root true 2>/dev/null || refuse "apt-get install$missing needs root"
fi
echo "apt.sh: installing for the whole system:$missing (LENS_NO_APT=1 prevents it and leaves out what needs them)" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Lists older than the mirror's packages are refreshed once.
# shellcheck disable=SC2086
for attempt in first second; do
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1 && exit 0
    [ "$attempt" = second ] || $as_root apt-get update -q >>"$log" 2>&1 || break
done
tail -n 3 "$log" >&2
refuse "apt-get cannot install them"
