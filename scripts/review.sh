#!/usr/bin/env bash
# A change to a policy, from the edit to production: check, plan, backtest, apply, with a real
# service, real weights and recorded traffic. Called by `make review`; the README shows its output.
set -euo pipefail

root=$PWD
program=$root/.build/release/rollout
data=$(mktemp -d "${TMPDIR:-/tmp}/rollout-review.XXXXXX")
log=$data/serve.log
server=

rollout() { "$program" "$@"; }
# Shows a command as it is typed, then what it says; one that is refused is part of the story.
run() {
  printf '\n\033[1m$ %s\033[0m\n' "$*"
  "$@" || echo "(exit $?)"
}

finish() {
  status=$?
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server"
    wait "$server" || true
  fi
  if [ "$status" -ne 0 ] && [ -s "$log" ]; then
    echo "The story failed. The last lines of the service's log:" >&2
    tail -n 20 "$log" >&2
  fi
  rm -rf "$data"
  exit "$status"
}
trap finish EXIT

# A repository with the policies that are in force, and the folder that the service follows.
mkdir -p "$data/repository/policies"
cp policies/smollm2-dense.yaml policies/smollm2-flash.yaml policies/assistant.yaml \
  "$data/repository/policies/"
cp -R "$data/repository/policies" "$data/in-force"
cp -R fixtures/traffic "$data/traffic"
cd "$data/repository"
git init -q -b main
git add .
git -c user.name=ada -c user.email=ada@example.org commit -qm "assistant: shadow flash attention"

"$program" serve --policies "$data/in-force" --data "$data/state" \
  --models "$(cd "$root" && cd "$(dirname "$ROLLOUT_MODEL")" && pwd)" --port 0 --control-port 0 \
  --log-level warning >"$data/addresses" 2>"$log" &
server=$!
for _ in $(seq 300); do
  grep -qs '^rollout answers' "$data/addresses" && break
  kill -0 "$server" 2>/dev/null || { wait "$server" || true; server=; exit 1; }
  sleep 0.1
done
ROLLOUT_ENDPOINT=$(sed -nE 's/^rollout answers at ([^,]+),.*/\1/p' "$data/addresses")
ROLLOUT_SERVER=$(sed -nE 's/.*control at (.+)$/\1/p' "$data/addresses")
export ROLLOUT_ENDPOINT ROLLOUT_SERVER
# Some live requests, so that the route has a pace and the models have a record.
rollout replay ../traffic/requests.jsonl --limit 40 >"$data/replay" 2>&1

# The edit: a canary behind the shadow, a looser margin, and a slip of the finger.
git checkout -q -b canary
sed -i.bak -e 's/salt: assistant-1/salt: assistant-2/' \
  -e 's/maxIncrease: 25%, onFail: pause/maxIncrease: 30%, onFail: pause/' \
  -e '/then the step is inconclusive/a\
  - canary: { weigth: 25% }\
    hold: { minSamples: 50, minTime: 10m, maxTime: 2h }' policies/assistant.yaml
printf '\nonNewRevision: replace\n' >>policies/assistant.yaml
rm policies/*.bak

run git diff --unified=0 --no-color
run rollout check policies/
run sed -i.bak 's/weigth/weight/' policies/assistant.yaml
rm policies/*.bak
run rollout check policies/
run rollout plan policies/
run rollout backtest policies/ --trace ../traffic/recorded-outcomes.jsonl \
  --trace ../traffic/recorded-comparisons.jsonl
git -c user.name=ada -c user.email=ada@example.org \
  commit -qam "assistant: a canary behind the shadow"
run rollout apply policies/ --actor ada --reason "a canary behind the shadow"
run rollout status
