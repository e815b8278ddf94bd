#!/usr/bin/env bash
# The demonstration: a live request is answered by a real model while a candidate with another
# attention shadows it, both are compared, and the candidate is promoted. Called by `make demo`.
set -euo pipefail

rollout=.build/release/rollout
traffic=fixtures/traffic/requests.jsonl
data=$(mktemp -d "${TMPDIR:-/tmp}/rollout-demo.XXXXXX")
log=$data/serve.log
server=

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Whatever happens, no process and no folder is left behind.
finish() {
  status=$?
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server"
    wait "$server" || true
  fi
  if [ "$status" -ne 0 ] && [ -s "$log" ]; then
    echo "The demonstration failed. The last lines of the service's log:" >&2
    tail -n 20 "$log" >&2
  fi
  rm -rf "$data"
  exit "$status"
}
trap finish EXIT

say "1. The service starts, with the policies of policies/"
"$rollout" serve --policies policies/ --data "$data/state" --models "$(dirname "$ROLLOUT_MODEL")" \
  --port 0 --control-port 0 --log-level warning >"$data/addresses" 2>"$log" &
server=$!
for _ in $(seq 300); do
  grep -qs '^rollout answers' "$data/addresses" && break
  kill -0 "$server" 2>/dev/null || { wait "$server" || true; server=; exit 1; }
  sleep 0.1
done
cat "$data/addresses"
ROLLOUT_ENDPOINT=$(sed -nE 's/^rollout answers at ([^,]+),.*/\1/p' "$data/addresses")
ROLLOUT_SERVER=$(sed -nE 's/.*control at (.+)$/\1/p' "$data/addresses")
export ROLLOUT_ENDPOINT ROLLOUT_SERVER

say "2. A client asks. The incumbent answers; nobody sees the candidate"
"$rollout" ask "What is the capital of France?" --temperature 0 --max-tokens 24 --verbose

say "3. Recorded traffic, played as live requests; the candidate shadows each of them"
"$rollout" replay "$traffic"

say "4. The shadows catch up, and the gates are judged"
for _ in $(seq 600); do
  if "$rollout" status assistant --json | grep -q '"step" : 1'; then break; fi
  sleep 0.5
done
"$rollout" status assistant

say "5. The candidate is promoted"
"$rollout" promote assistant --reason "the gates hold on the recorded traffic"

say "6. The next request is answered by it"
"$rollout" ask "What is the capital of France?" --temperature 0 --max-tokens 24 --verbose
"$rollout" history assistant

say "7. The service stops"
kill -TERM "$server"
wait "$server"
server=
echo "It stopped cleanly."
