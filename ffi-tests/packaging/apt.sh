#!/bin/sh
# tools/apt.sh says what it installs before it does, and installs nothing where LENS_NO_APT is set. apt-get is a stand-in.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

stand_in() { # NAME SCRIPT
    printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
    chmod +x "$work/$1"
}
# shellcheck disable=SC2016
stand_in dpkg-query 'for package; do :; done; [ "$package" != present ] || echo "install ok installed"'
stand_in id 'echo 0'
stand_in apt-get "cat '$work/said' >'$work/said_before'; echo \"\$*\" >>'$work/calls'; [ ! -f '$work/broken' ]"

check() { # STATUS CALLS TEXT COMMAND...
    status=$1 calls=$2 text=$3
    shift 3
    : >"$work/said"
    : >"$work/calls"
    env PATH="$work:$PATH" "$@" 2>"$work/said"
    got=$?
    if [ "$got" -ne "$status" ] || [ "$(cat "$work/calls")" != "$calls" ] ||
        { [ -n "$text" ] && ! grep -qF -- "$text" "$work/said"; }; then
        printf 'apt: %s: exit status %s, called "%s", said "%s"\n' "$*" "$got" "$(cat "$work/calls")" \
            "$(cat "$work/said")" >&2
        failed=1
    fi
}

install="install -y -q --no-install-recommends"
check 0 '' '' "$root/tools/apt.sh" present
check 0 "$install one two" 'installing for the whole system: one two (LENS_NO_APT=1 prevents it' \
    "$root/tools/apt.sh" one present two
grep -qF 'installing for the whole system: one two' "$work/said_before" || {
    echo "apt: what is installed is said after it was installed" >&2
    failed=1
}
check 1 '' 'missing: one (LENS_NO_APT is set)' env LENS_NO_APT=1 "$root/tools/apt.sh" one present
touch "$work/broken"
check 1 "$install one
update -q" 'missing: one (apt-get cannot install them)' "$root/tools/apt.sh" one
exit "$failed"
