"""Kills the service at random moments under load, and looks for what it forgot.

    python3 scripts/crash_loop.py --rollout .build/debug/rollout [--rounds 200] [--seed 1]

Each round starts `rollout serve` on the data of the rounds before, lets clients ask and an operator
apply, promote, roll back, abort, pause and resume, and ends it with SIGKILL, sometimes before it is
up. The next start must bring back:

- every decision that was acknowledged, with the hash it was acknowledged with;
- a journal whose chain verifies against its anchor (`rollout audit verify`);
- the traffic that the journal says, folded here a second time from the entries' titles alone;
- every outcome of a request that was answered 0.7 s or more before the kill.

Exit status 1 and the reason when anything is missing. Needs nothing but Python's own library.
"""

import argparse
import http.client
import http.server
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

# The recorder writes five times a second, in order of assignment; the slowest answer takes 20 ms.
FLUSH_SECONDS = 0.7
CLIENTS = 4
MODELS = ("first", "second", "third")


class Upstream(http.server.BaseHTTPRequestHandler):
    """A model that answers at once, in one piece or in two chunks."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        time.sleep(random.random() / 50)
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        base = {"id": "x", "created": 1, "model": request["model"]}
        if not request.get("stream"):
            message = {"role": "assistant", "content": "two words"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = dict(base, object="chat.completion", choices=[choice], usage=usage)
            return self.answer("application/json", json.dumps(body))
        chunks = [
            {"index": 0, "delta": {"role": "assistant", "content": "two "}, "finish_reason": None},
            {"index": 0, "delta": {"content": "words"}, "finish_reason": "stop"},
        ]
        base["object"] = "chat.completion.chunk"
        events = [dict(base, choices=[chunk]) for chunk in chunks]
        events.append(dict(base, choices=[], usage=usage))
        lines = [json.dumps(event) for event in events] + ["[DONE]"]
        return self.answer("text/event-stream", "".join(f"data: {line}\n\n" for line in lines))

    def answer(self, kind, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class UpstreamServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that was killed is no error."""


class Failure(Exception):
    pass


class Address:
    """One listener of the service; every call may find it gone."""

    def __init__(self, text):
        self.host, self.port = re.match(r"http://([^:/]+):(\d+)", text).groups()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=60)
        try:
            data = json.dumps(body) if body is not None else None
            connection.request(method, path, data, {"content-type": "application/json"})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), json.loads(response.read())
        finally:
            connection.close()


class Service:
    """`rollout serve` as a process."""

    def __init__(self, arguments, folder):
        self.output = open(os.path.join(folder, "output"), "w+b")
        self.log = open(os.path.join(folder, "log"), "ab")
        self.process = subprocess.Popen(
            [arguments.rollout, "serve", "--data", os.path.join(folder, "data"), "--models", folder,
             "--port", "0", "--control-port", "0", "--log-level", "error"],
            stdout=self.output, stderr=self.log)

    def addresses(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.output.seek(0)
            text = self.output.read().decode()
            if text.endswith("\n"):
                return [Address(word) for word in re.findall(r"http://[^ ,\n]+", text)]
            if self.process.poll() is not None:
                raise Failure(f"the service ended by itself with {self.process.returncode}")
            time.sleep(0.01)
        raise Failure("the service did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.output.close()
        self.log.close()


def model_document(name, port):
    return (f"apiVersion: rollout/v1\nkind: Model\nname: {name}\n"
            f"upstream: {{ url: 'http://127.0.0.1:{port}/v1', model: {name} }}\n")


def rollout_document(name, incumbent, candidate, salt):
    return (f"apiVersion: rollout/v1\nkind: Rollout\nname: {name}\nroute: {name}\n"
            f"incumbent: {incumbent}\ncandidates: [{candidate}]\n"
            f"assignment: {{ unit: request, salt: {salt} }}\nsteps:\n"
            "  - canary: { weight: 30% }\n    hold: { minSamples: 1000000 }\n"
            "metrics:\n  - { name: errors, metric: errorRate, role: guardrail, "
            "maxIncrease: 10pp }\npromotion: manual\n")


class Loop:
    def __init__(self, arguments, folder, upstream_port):
        self.arguments, self.folder, self.upstream_port = arguments, folder, upstream_port
        self.random = random.Random(arguments.seed)
        self.acknowledged = {}      # sequence → hash
        self.answered = []          # request ids that must be stored
        self.must_be_stored = set()
        self.seen = {}              # sequence → entry, of rounds whose entries are left out by now
        self.lock = threading.Lock()
        self.answers = 0

    def apply(self, control, documents):
        files = [{"file": f"{n}.yaml", "text": text} for n, text in enumerate(documents)]
        return control.call(
            "POST", "/api/v1/apply", {"files": files, "actor": "crash-loop", "reason": "round"})

    def note(self, result):
        """Keeps what an answer acknowledged."""
        status, _, body = result
        if status != 200:
            return
        with self.lock:
            for entry in body["entries"]:
                self.acknowledged[entry["sequence"]] = entry["hash"]

    def operate(self, control, stop):
        """An operator in a hurry: anything that the state allows, over and over."""
        while not stop.wait(0.02):
            try:
                _, _, status = control.call("GET", "/api/v1/status")
                live = next(r for r in status["routes"] if r["name"] == "assistant")
                if live.get("rollout") is None:
                    candidate = self.random.choice([m for m in MODELS if m != live["incumbent"]])
                    salt = f"s{self.random.getrandbits(40)}"
                    document = rollout_document("assistant", live["incumbent"], candidate, salt)
                    action = self.random.choice(["apply", "apply", "rollback"])
                    if action == "apply":
                        self.note(self.apply(control, [document]))
                        continue
                else:
                    action = self.random.choice(
                        ["promote", "promote", "rollback", "abort", "pause", "resume"])
                body = {"actor": "crash-loop", "reason": "round"}
                if action == "promote":
                    body["force"] = True
                self.note(control.call("POST", f"/api/v1/rollouts/assistant/{action}", body))
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.01)

    def ask(self, data, route, stop):
        """A client; keeps the ids of answers that a rollout nobody touches was asked for."""
        body = {"model": route, "messages": [{"role": "user", "content": "Hello"}]}
        while not stop.is_set():
            try:
                status, headers, _ = data.call("POST", "/v1/chat/completions", body)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.01)
                continue
            if status == 200:
                with self.lock:
                    self.answers += 1
                    if route == "steady":
                        self.answered.append((time.monotonic(), headers["x-rollout-request-id"]))

    def check(self, control):
        """What a start must have brought back."""
        _, _, audit = control.call("GET", "/api/v1/audit")
        if audit["findings"]:
            raise Failure(f"the journal is not whole: {audit['findings']}")
        _, _, history = control.call("GET", "/api/v1/history")
        known = {entry["sequence"]: entry["hash"] for entry in history["entries"]}
        oldest = history["omitted"]
        for sequence, text in self.acknowledged.items():
            if sequence > oldest and known.get(sequence) != text:
                raise Failure(f"decision {sequence} was acknowledged and is gone")
        self.check_traffic(control, history)

    def check_traffic(self, control, history):
        _, _, status = control.call("GET", "/api/v1/status")
        expected = fold(self.all_entries(history))
        route = next(r for r in status["routes"] if r["name"] == "assistant")
        rollout = next(r for r in status["rollouts"] if r["name"] == "assistant")
        shares = {part["model"]: part["share"] for part in rollout["serving"]}
        found = (route["incumbent"], {m: s for m, s in shares.items() if s > 0})
        if rollout["status"] not in ("running", "paused", "inconclusive"):
            found = (route["incumbent"], {})
        if found[0] != expected[0] or set(found[1]) != set(expected[1]):
            raise Failure(f"traffic is {found}, the journal says {expected}")

    def all_entries(self, history):
        """The latest thousand, and what earlier rounds saw of the entries before."""
        for entry in history["entries"]:
            self.seen[entry["sequence"]] = entry
        return [self.seen[sequence] for sequence in sorted(self.seen)]

    def round(self, number):
        service = Service(self.arguments, self.folder)
        early = number > 0 and self.random.random() < 0.15
        try:
            if early:
                time.sleep(self.random.random() * 0.2)
                return
            data, control = service.addresses()
            if number == 0:
                self.begin(control)
            self.check(control)
            stop = threading.Event()
            threads = [threading.Thread(target=self.operate, args=(control, stop))] + [
                threading.Thread(
                    target=self.ask, args=(data, "steady" if n % 2 else "assistant", stop))
                for n in range(CLIENTS)]
            for thread in threads:
                thread.start()
            time.sleep(0.05 + self.random.random() * self.arguments.seconds)
            service.kill()
            killed = time.monotonic()
            stop.set()
            for thread in threads:
                thread.join()
            with self.lock:
                self.must_be_stored.update(
                    name for at, name in self.answered if at < killed - FLUSH_SECONDS)
                self.answered.clear()
        finally:
            if service.process.poll() is None:
                service.kill()

    def begin(self, control):
        documents = [model_document(name, self.upstream_port) for name in MODELS] + [
            rollout_document("steady", "first", "second", "steady"),
            rollout_document("assistant", "first", "second", "s0")]
        result = self.apply(control, documents)
        if result[0] != 200:
            raise Failure(f"the policies were refused: {result[2]}")
        self.note(result)

    def finish(self):
        """Looks at the files themselves, once nothing runs."""
        service = Service(self.arguments, self.folder)
        self.check(service.addresses()[1])
        service.process.send_signal(signal.SIGTERM)
        if service.process.wait(60) != 0:
            raise Failure("the service did not stop cleanly")
        data = os.path.join(self.folder, "data")
        audit = subprocess.run(
            [self.arguments.rollout, "audit", "verify", "--data", data],
            capture_output=True, text=True, check=False)
        if audit.returncode != 0:
            raise Failure(f"rollout audit verify: {audit.stdout}{audit.stderr}")
        with sqlite3.connect(os.path.join(data, "control.sqlite")) as database:
            rows = dict(database.execute("SELECT sequence, hash FROM journal"))
        missing = [s for s, text in self.acknowledged.items() if rows.get(s) != text]
        if missing:
            raise Failure(f"decisions {missing} were acknowledged and are gone")
        with sqlite3.connect(os.path.join(data, "metrics.sqlite")) as database:
            stored = {row[0] for row in database.execute("SELECT request_id FROM outcomes")}
        lost = self.must_be_stored - stored
        if lost:
            raise Failure(f"{len(lost)} outcomes older than {FLUSH_SECONDS} s are gone")
        return len(rows), len(stored)


def fold(entries):
    """Incumbent and answering models of the route `assistant`, from what people read."""
    incumbent, before, live, candidate = None, None, False, None
    for entry in entries:
        if entry.get("rollout") != "assistant":
            continue
        title, detail = entry["title"], entry["detail"]
        if title == "applied":
            before, candidate = re.match(r"(\S+) → (\S+) on route", detail).groups()
            incumbent = incumbent or before
            live, promoted = True, False
        elif title == "promoted":
            incumbent = re.match(r"model ([^,\s]+)", detail).group(1)
            live, promoted = False, True
        elif title == "rolled back":
            if promoted:
                incumbent = before
            live, promoted = False, False
        elif title == "aborted":
            live = False
    return incumbent, {incumbent: 1, candidate: 1} if live else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rollout", required=True, help="the program")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load at most")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    upstream = UpstreamServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    folder = tempfile.mkdtemp(prefix="rollout-crash-")
    loop = Loop(arguments, folder, upstream.server_port)
    number = -1
    try:
        for number in range(arguments.rounds):
            loop.round(number)
        decisions, outcomes = loop.finish()
    except Failure as failure:
        print(f"round {number}, seed {arguments.seed}: {failure}; the data is in {folder}")
        return 1
    shutil.rmtree(folder)
    print(f"{arguments.rounds} kills: {len(loop.acknowledged)} decisions acknowledged, "
          f"{decisions} in the journal, none missing; {loop.answers} answers, "
          f"{outcomes} outcomes stored, {len(loop.must_be_stored)} of them due, none missing; "
          "the chain verifies, traffic is what the journal says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
