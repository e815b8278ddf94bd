#!/usr/bin/env bash
# Runs the engine's tests under AddressSanitizer, its C under UndefinedBehaviorSanitizer too.
#
#   scripts/sanitize.sh [FILTER]     all tests of Tensors and Transformer by default
#
# Builds a package of the engine alone in .build-sanitize/, with links to the sources, so that
# nothing else has to be built anew. Tests about the real weights need ROLLOUT_MODEL. Undefined
# behaviour in C ends the test process with an illegal instruction; what AddressSanitizer finds, it
# explains. Exit status 1 where something was found or a test failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly filter=${1:-.} folder=.build-sanitize root=$PWD
export ROLLOUT_MODEL=${ROLLOUT_MODEL:-$root/.models/SmolLM2-135M-Instruct.Q4_1.gguf}

mkdir -p "$folder/Sources" "$folder/Tests"
for module in CKernels Tensors Transformer; do
  ln -sfn "$root/Sources/$module" "$folder/Sources/$module"
done
for tests in TensorsTests TransformerTests; do
  ln -sfn "$root/Tests/$tests" "$folder/Tests/$tests"
done
ln -sfn "$root/fixtures" "$folder/fixtures"

cat >"$folder/Package.swift" <<'SWIFT'
// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "engine",
  platforms: [.macOS(.v15)],
  targets: [
    .target(
      name: "CKernels",
      cSettings: [
        .unsafeFlags([
          "-O1", "-g", "-ffp-contract=off", "-fsanitize=undefined", "-fsanitize-trap=undefined",
        ])
      ]),
    .target(name: "Tensors", dependencies: ["CKernels"], swiftSettings: settings),
    .target(name: "Transformer", dependencies: ["Tensors"], swiftSettings: settings),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: settings),
    .testTarget(
      name: "TransformerTests", dependencies: ["Transformer", "Tensors"], swiftSettings: settings),
  ]
)
SWIFT

# Swift Testing keeps what it registered until the end, which is no leak.
export ASAN_OPTIONS=detect_leaks=0
exec nice swift test --package-path "$folder" --sanitize=address --no-parallel --filter "$filter"
