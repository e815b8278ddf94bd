#!/usr/bin/env bash
# Visits every state of the model of the controller (scripts/model/control.pml) with spin.
#
# Exit status 1 where an assertion breaks or everything stands still; spin then prints the trail.
set -euo pipefail
model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/model/control.pml
readonly model

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$model" control.pml
# Two who take a rollout back, then one of them and a candidate that leaves by itself.
for what in '' -DDROPS; do
  spin -a $what control.pml
  # At most 3 GB: some 18 million states take half of it.
  cc -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=3000 -o check pan.c
  ./check -m100000 | tee result | grep -E 'errors|states, stored|elapsed|memory limit'
  if ! grep -q 'errors: 0$' result || grep -q 'interrupted\|depth too small' result; then
    spin -t -p -g $what control.pml | tail -60
    exit 1
  fi
done
