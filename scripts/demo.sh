#!/usr/bin/env bash
# The demonstration: one strategy, played on this machine with real weights over real HTTP, and
# what it decides. Called by `make demo STRATEGY=…`; --check only says whether there is such a one.
set -euo pipefail

strategies='shadow canary split bandit interleave shootout'
only_check=
if [ "${1:-}" = --check ]; then only_check=yes; shift; fi
strategy=${1:-shadow}
case " $strategies " in
  *" $strategy "*) ;;
  *)
    echo "There is no strategy '$strategy' to show; there are: ${strategies// /, }." >&2
    exit 2
    ;;
esac
[ -z "$only_check" ] || exit 0
if [ "$strategy" != shadow ] && ! command -v python3 >/dev/null; then
  echo "The users of this demonstration are played by python3, which is not on PATH." >&2
  exit 1
fi

: "${ROLLOUT_MODEL:?names the weights: make demo sets it}"
program=.build/release/rollout
traffic=fixtures/traffic/requests.jsonl
data=$(mktemp -d "${TMPDIR:-/tmp}/rollout-demo.XXXXXX")
log=$data/serve.log
server=

rollout() { "$program" "$@"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Shows a command as it is typed, then what it says; one that is refused is part of the story.
run() {
  printf '\033[1m$ %s\033[0m\n' "$*"
  "$@" || echo "(exit $?)"
}

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

# serve FOLDER: starts the service, with the `options` of the strategy, and waits until it answers.
options=()
serve() {
  "$program" serve --policies "$1" --data "$data/state" \
    --models "$(dirname "$ROLLOUT_MODEL")" --port 0 --control-port 0 --log-level warning \
    "${options[@]}" >"$data/addresses" 2>"$log" &
  server=$!
  for _ in $(seq 600); do
    grep -qs '^rollout answers' "$data/addresses" && break
    kill -0 "$server" 2>/dev/null || { wait "$server" || true; server=; exit 1; }
    sleep 0.1
  done
  cat "$data/addresses"
  ROLLOUT_ENDPOINT=$(sed -nE 's/^rollout answers at ([^,]+),.*/\1/p' "$data/addresses")
  ROLLOUT_SERVER=$(sed -nE 's/.*control at (.+)$/\1/p' "$data/addresses")
  export ROLLOUT_ENDPOINT ROLLOUT_SERVER
}

# serve_files FILE…: as before, with these policies alone. Feedback counts after ten seconds, for
# the demonstration's sake: an hour otherwise, in which users may still say something.
serve_files() {
  mkdir "$data/policies"
  cp "$@" "$data/policies/"
  options+=(--feedback-window 10)
  serve "$data/policies"
}

stop() {
  say "The service stops"
  kill -TERM "$server"
  wait "$server"
  server=
  echo "It stopped cleanly."
}

# Whether the status of a rollout has the line: is demo-split '"status" : "promoted"'.
is() { rollout status "$1" --json | grep -qE "^  $2"; }

# await NAME LINE: waits, five minutes at most, until the status has it.
await() {
  for _ in $(seq 600); do
    is "$1" "$2" && return
    sleep 0.5
  done
  rollout status "$1"
  echo "Five minutes have passed without '$2'." >&2
  return 1
}

# until_met NAME LINE COUNT [OPTION…]: COUNT new readers, again and again, until the status has
# the line.
readers=0
until_met() {
  local name=$1 line=$2 count=$3
  shift 3
  for _ in $(seq 40); do
    python3 scripts/demo/readers.py "$name" --readers "$count" --first "$readers" "$@"
    readers=$((readers + count))
    sleep 3
    if is "$name" "$line"; then return; fi
  done
  rollout status "$name"
  echo "$readers readers were not enough for '$line'." >&2
  return 1
}

shadow() {
  say "1. The service starts, with the policies of policies/"
  serve policies/

  say "2. A client asks. The incumbent answers; nobody sees the candidate"
  rollout ask "What is the capital of France?" --temperature 0 --max-tokens 24 --verbose

  say "3. Recorded traffic, played as live requests; the candidate shadows each of them"
  rollout replay "$traffic"

  say "4. The shadows catch up, and the gates are judged"
  await assistant '"step" : 1'
  rollout status assistant

  say "5. The candidate is promoted"
  rollout promote assistant --reason "the gates hold on the recorded traffic"

  say "6. The next request is answered by it"
  rollout ask "What is the capital of France?" --temperature 0 --max-tokens 24 --verbose
  rollout history assistant
}

canary() {
  say "1. The service starts: 25 % of the users get the candidate, then 50 %, then a person says"
  serve_files policies/smollm2-{dense,flash}.yaml policies/examples/demo-canary.yaml

  say "2. A user keeps their model"
  for _ in 1 2; do
    run rollout ask "What is frozen water called?" --model demo-canary --user ada --temperature 0 \
      --max-tokens 12 --verbose
  done

  say "3. Users come, until both gates have passed at 25 %"
  until_met demo-canary '"step" : [12]' 48 --silent
  rollout status demo-canary

  say "4. More users, at 50 %: those who had the candidate keep it"
  until_met demo-canary '"step" : 2' 48 --silent
  run rollout ask "What is frozen water called?" --model demo-canary --user ada --temperature 0 \
    --max-tokens 12 --verbose

  say "5. Nothing more happens until a person approves, whatever the gates say"
  run rollout promote demo-canary
  run rollout approve demo-canary --actor grace --reason "the numbers are in, and so am I"
  await demo-canary '"step" : 3'
  run rollout promote demo-canary --reason "canary and approval passed"
  run rollout history demo-canary
}

split() {
  say "1. The service starts: half of the readers get each model"
  serve_files policies/smollm2-flash.yaml policies/examples/{smollm2-narrow,demo-split}.yaml

  say "2. A reader asks, and says what they think of the answer"
  one_reader demo-split

  say "3. More readers do, until it is shown whom they like better"
  until_met demo-split '"status" : "(promoted|rolledBack|inconclusive)"' 48

  say "4. The candidate has promoted itself"
  rollout status demo-split
  run rollout history demo-split
}

# A reader by hand: asks, finds the request's name in what --verbose says, rates the answer.
one_reader() {
  local thumb=--down
  run rollout ask "What do cows give us to drink?" --model "$1" --user ada --temperature 0 \
    --max-tokens 12 --verbose 2>&1 | tee "$data/asked"
  if sed 1d "$data/asked" | grep -qi milk; then thumb=--up; fi
  run rollout feedback "$(grep -o 'req-[0-9a-f]*' "$data/asked" | tail -1)" "$thumb"
}

bandit() {
  say "1. The service starts: three models, a third of the readers each"
  serve_files policies/smollm2-flash.yaml \
    policies/examples/{smollm2-narrow,smollm2-no-sinks,demo-bandit}.yaml

  say "2. A reader asks, and says what they think of the answer"
  one_reader demo-bandit

  say "3. More readers do; every ten seconds the shares follow what they said"
  local ended='"status" : "(promoted|rolledBack|inconclusive)"'
  for _ in $(seq 20); do
    python3 scripts/demo/readers.py demo-bandit --readers 30 --first "$readers"
    readers=$((readers + 30))
    sleep 8
    rollout status demo-bandit | sed -n '/^Traffic/,/^$/p'
    if is demo-bandit "$ended"; then break; fi
  done

  say "4. One model is shown to be the best, and its gates have passed"
  rollout status demo-bandit
  run rollout history demo-bandit
}

interleave() {
  say "1. The service starts: the candidate is a shadow first, and may not fail"
  serve_files policies/smollm2-flash.yaml policies/examples/{smollm2-narrow,demo-interleave}.yaml
  until_met demo-interleave '"step" : 1' 48 --silent

  say "2. Readers see two choices, one of each model, and take the one that is right"
  until_met demo-interleave '"step" : 2' 24 --choices 2
  rollout status demo-interleave

  say "3. The candidate is promoted"
  run rollout promote demo-interleave --reason "readers prefer it"
  run rollout history demo-interleave
}

shootout() {
  local name=attention-shootout
  say "1. The service starts: dense attention answers, three cheaper ones are asked aside"
  # More than a quarter of a million tokens of prompts: rounded activations nearly halve the time.
  options=(--arithmetic int8)
  serve_files policies/smollm2-{dense,flash,window-512,hybrid-512}.yaml policies/$name.yaml

  say "2. Short questions, and passages of novels in which a pass key is told"
  python3 scripts/demo/long_prompts.py >"$data/traffic.jsonl"
  rollout replay "$data/traffic.jsonl"

  say "3. The shadows catch up: some minutes, as long prompts are read by each of them"
  settle "$name" "$(wc -l <"$data/traffic.jsonl")"
  rollout status "$name"

  say "4. The plain window has left: it does not answer long prompts as dense attention does"
  run rollout promote "$name" --model smollm2-window-512
  rollout history "$name" \
    | grep 'candidate dropped.*smollm2-window-512, gate fidelity\[promptTokens ≥ 1024\]' >/dev/null

  say "5. The one whose gates have all passed is promoted, whatever is open about the third"
  run rollout promote "$name" --model smollm2-flash --reason "its gates hold on short and long"
  is "$name" '"status" : "promoted"'
  run rollout history "$name"

  say "6. The next request is answered by it"
  rollout ask "What is frozen water called?" --model "$name" --temperature 0 --max-tokens 12 \
    --verbose
}

# settle NAME REQUESTS: waits until each gate is decided, or the candidates that are still in have
# been asked all of it, or nothing new has come for two minutes; an hour at most.
settle() {
  local seen='' now quiet=0 candidates
  for _ in $(seq 720); do
    rollout status "$1" --json >"$data/status.json"
    grep -qE '"verdict" : "(inconclusive|noData)"' "$data/status.json" || return 0
    candidates=$(grep -c '"gate" : "errors"' "$data/status.json" || true)
    [ "$(grep -cE "\"samples\" : $2,?\$" "$data/status.json")" -lt \
      "$((candidates > 0 ? candidates : 3))" ] || return 0
    now=$(grep '"samples" :' "$data/status.json" | tr -d '\n')
    if [ "$now" = "$seen" ]; then quiet=$((quiet + 1)); else quiet=0; fi
    if [ "$quiet" -ge 24 ]; then return 0; fi
    seen=$now
    sleep 5
  done
}

"$strategy"
stop
