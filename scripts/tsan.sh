#!/usr/bin/env bash
# Runs the unit tests under ThreadSanitizer, in a build folder of its own.
#
#   scripts/tsan.sh [FILTER]     everything but processes, style and long computations by default
#
# A build from nothing takes some minutes. Left out by default: tests of whole processes and of
# style, which run no code of ours in their own process, and those that compute for long on real
# weights, which take hours when every access to memory is checked (name them to run them).
# Exit status 1 where a race was found or a test failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly root=$PWD
readonly skipped='^(RolloutTests|TidyTests|EvaluationTests|TensorsTests|TransformerTests)\.'
export ROLLOUT_MODEL=${ROLLOUT_MODEL:-$root/.models/SmolLM2-135M-Instruct.Q4_1.gguf}
# The first race ends the run: what follows from it is noise.
export TSAN_OPTIONS=halt_on_error=1

if [ $# -gt 0 ]; then selection=(--filter "$1"); else selection=(--skip "$skipped"); fi
swift build --build-tests --scratch-path .build-tsan --sanitize=thread
# Without it every wait for a lock of the standard library looks like a race; see the file.
readonly shim=$root/.build-tsan/mutex.so
clang -O1 -shared -fPIC -Wall -Wextra -Werror "$root/scripts/tsan/mutex.c" -o "$shim" -ldl
LD_PRELOAD=$shim exec swift test --skip-build --scratch-path .build-tsan --sanitize=thread \
  --no-parallel "${selection[@]}"
