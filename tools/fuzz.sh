#!/bin/sh
# fuzz.sh TARGET SECONDS: builds a fuzz target of fuzz/ with AddressSanitizer and runs it for so long. Exit status 0: nothing
# was found; otherwise what was found lies in target/fuzz/findings/TARGET.
#
# FUZZ_SEEDS  directories of files, separated by colons, whose files are seeds besides those of tests/golden
#
# An input that takes more than 20 seconds or 2 GiB is a finding. What was learned is kept in target/fuzz/corpus/TARGET.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
target=${1:?"usage: fuzz.sh TARGET SECONDS"}
seconds=${2:?"usage: fuzz.sh TARGET SECONDS"}
work=$root/target/fuzz
[ -f "$root/fuzz/fuzz_targets/$target.rs" ] || {
    echo "fuzz.sh: there is no target $target; there are $(cd "$root/fuzz/fuzz_targets" && echo *.rs | sed 's/\.rs//g')" >&2
    exit 2
}
command -v clang >/dev/null || { echo "fuzz.sh: there is no clang (Debian/Ubuntu: apt install clang)" >&2; exit 1; }

# The flags of cargo-fuzz, which needs a nightly Rust for them; RUSTC_BOOTSTRAP lets a stable one take them. They do not
# reach build scripts, because a target is named. C and C++ are instrumented likewise.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1 --cfg fuzzing"
export CC=clang CXX=clang++
export CFLAGS="-g1 -O2 -fsanitize=address,fuzzer-no-link -fvisibility=hidden"
export CXXFLAGS="$CFLAGS"
PATH=$root/target/build-tools/bin:$PATH
cargo build --release --quiet --manifest-path "$root/fuzz/Cargo.toml" --target "$host" --target-dir "$work/build" --bin "$target"

corpus=$work/corpus/$target
findings=$work/findings/$target
mkdir -p "$corpus" "$findings" "$work/seeds/$target"
python3 "$here/fuzz_seeds.py" "$target" "$work/seeds/$target" ${FUZZ_SEEDS:+"$FUZZ_SEEDS"}

# Looking for leaks after each input takes longer than decoding it.
export ASAN_OPTIONS="detect_odr_violation=0:allocator_may_return_null=1:detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
exec nice "$work/build/$host/release/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -malloc_limit_mb=2048 -max_len=65536 -artifact_prefix="$findings/" -detect_leaks=0 -print_final_stats=1 \
    "$corpus" "$work/seeds/$target"
