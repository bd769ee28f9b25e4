#!/bin/sh
# copy_libtorch.sh FROM TO: copies libtorch_cpu.so, and what it is linked against that is not the system's, into one
# directory. libtorch's own search path ends with its own directory.
set -eu
from=$1
to=$2
install -d "$to"

copy() { # NAME
    [ ! -e "$to/$1" ] || return 0
    for directory in "$from" "$from"/../../nvidia/*/lib; do
        [ -e "$directory/$1" ] || continue
        cp --reflink=auto -L "$directory/$1" "$to/"
        for needed in $(readelf -d "$to/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
            copy "$needed"
        done
        return 0
    done
}

[ -e "$from/libtorch_cpu.so" ] || { echo "copy_libtorch.sh: there is no $from/libtorch_cpu.so" >&2; exit 1; }
copy libtorch_cpu.so
