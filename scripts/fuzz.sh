#!/usr/bin/env bash
# Feeds mutated files of weights to everything that reads them, under AddressSanitizer.
#
#   scripts/fuzz.sh [SECONDS]        600 by default
#
# Builds with libFuzzer (swiftc -sanitize=fuzzer,address) into .build-fuzz/, apart from the package:
# the default build knows nothing of it. What it learnt stays in .build-fuzz/corpus/. A find is a
# file .build-fuzz/crash-… or …timeout-…; replay it with .build-fuzz/fuzz FILE, mend the reader, and
# add the file's lie to the tests. Exit status 1 where there was one. Linux only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly seconds=${1:-600} folder=.build-fuzz
clang="$(dirname "$(readlink -f "$(command -v swiftc)")")/clang"
readonly clang

mkdir -p "$folder/corpus" "$folder/CKernels"
printf 'module CKernels { header "%s" export * }\n' \
  "$PWD/Sources/CKernels/include/CKernels.h" >"$folder/CKernels/module.modulemap"

objects=()
for source in Sources/CKernels/*.c; do
  object="$folder/$(basename "$source" .c).o"
  "$clang" -c -O1 -g -ffp-contract=off -fno-omit-frame-pointer \
    -fsanitize=fuzzer-no-link,address -I Sources/CKernels/include "$source" -o "$object"
  objects+=("$object")
done

# compile MODULE FILES…
compile() {
  local module=$1
  shift
  swiftc -c -whole-module-optimization -parse-as-library -O -g -sanitize=fuzzer,address \
    -swift-version 6 -enable-upcoming-feature InternalImportsByDefault \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
    -enable-testing -package-name rollout -I "$folder" -I "$folder/CKernels" \
    -module-name "$module" -emit-module -emit-module-path "$folder/$module.swiftmodule" \
    -o "$folder/$module.o" "$@"
  objects+=("$folder/$module.o")
}

# shellcheck disable=SC2046 # No path of a source has a blank.
compile Tensors $(find Sources/Tensors -name '*.swift')
# shellcheck disable=SC2046
compile Transformer $(find Sources/Transformer -name '*.swift')
compile FuzzTarget scripts/fuzz/*.swift \
  Tests/TransformerTests/{GGUFBuilder,TokenizerFile,PieceFile}.swift
swiftc -sanitize=fuzzer,address "${objects[@]}" -o "$folder/fuzz"

seeds="$folder/seeds"
mkdir -p "$seeds"
cd "$folder"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
ROLLOUT_FUZZ_SEEDS=seeds ./fuzz -runs=0 >/dev/null 2>&1
exec nice -n 19 ./fuzz -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=131072 \
  -print_final_stats=1 -use_value_profile=1 corpus seeds
