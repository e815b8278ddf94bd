#!/usr/bin/env bash
# Compiles the kernels for arm64 and compares them with their scalar twins under an emulator.
#
#   scripts/arm64.sh
#
# Needs Debian's libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross and qemu-user, and installs them
# where it may. An emulator says whether results are right, and nothing about speed. Exit status 1
# where kernels disagree, 2 where something is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly packages=(libc6-dev-arm64-cross libgcc-12-dev-arm64-cross qemu-user)
readonly sysroot=/usr/aarch64-linux-gnu libgcc=/usr/lib/gcc-cross/aarch64-linux-gnu/12

is_complete() {
  [[ -f $sysroot/include/math.h && -f $libgcc/libgcc.a ]] && command -v qemu-aarch64 >/dev/null
}

if ! is_complete; then
  sudo=$([[ $(id -u) == 0 ]] || echo sudo)
  $sudo apt-get install --yes --no-install-recommends "${packages[@]}" >/dev/null || true
  is_complete || { echo "arm64: install ${packages[*]}" >&2; exit 2; }
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
readonly target=(-target aarch64-linux-gnu -isystem "$sysroot/include")
readonly flags=(-O3 -Wall -Wextra -Werror -ffp-contract=off -I Sources/CKernels/include)

# With the flags of Package.swift.
objects=()
for source in Sources/CKernels/*.c scripts/arm64/agreement.c; do
  object=$folder/$(basename "$source" .c).o
  clang "${target[@]}" "${flags[@]}" -c "$source" -o "$object"
  objects+=("$object")
done
clang -target aarch64-linux-gnu -fuse-ld=lld -static -nostdlib -o "$folder/agreement" \
  "$sysroot"/lib/{crt1,crti}.o "$libgcc/crtbeginT.o" "${objects[@]}" -L "$sysroot/lib" \
  -L "$libgcc" -Wl,--start-group -lm -lgcc -lgcc_eh -lc -Wl,--end-group "$libgcc/crtend.o" \
  "$sysroot/lib/crtn.o" 2>"$folder/link.log" || { cat "$folder/link.log" >&2; exit 2; }
qemu-aarch64 "$folder/agreement"
