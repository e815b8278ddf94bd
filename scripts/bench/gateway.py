"""Requests a second through our gateway and through nginx, before the same trivial upstream.

    python gateway.py --ours .build/release/rollout --nginx nginx --scratch .bench [--rounds 5]

The proxy has a processor to itself where there are two or more; upstream and wrk share another.
Every round measures each side once, one after the other; the table has medians and their ratios.
`direct` is what upstream and wrk reach without a proxy: no side can be measured beyond it.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
UPSTREAM, NGINX, ROLLOUT = 18101, 18102, 18103
CONNECTIONS = (1, 16, 64)
BODY = {
    "model": "bench", "temperature": 0.7, "max_tokens": 128, "user": "bench",
    "messages": [
        {"role": "system", "content": "You answer questions about the sea, shortly and exactly."},
        {"role": "user", "content": "What is a lighthouse for, who looked after the first ones, "
         "and how does a captain tell at night which of them it is that he sees? Please answer in "
         "no more than three sentences."},
    ],
}
NGINX_CONFIGURATION = """
daemon off; worker_processes 1; pid {scratch}/nginx.pid; error_log {scratch}/nginx.err warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k;
  client_body_temp_path {scratch}/t1; proxy_temp_path {scratch}/t2; fastcgi_temp_path {scratch}/t3;
  uwsgi_temp_path {scratch}/t4; scgi_temp_path {scratch}/t5;
  upstream bench {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
  proxy_http_version 1.1; proxy_set_header Connection "";
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://bench; }} }}
}}
"""
MODEL_POLICY = """apiVersion: rollout/v1
kind: Model
name: bench
upstream:
  url: http://127.0.0.1:{upstream}/v1
  model: bench
"""


def rollout_command(ours, policies, scratch):
    """How our gateway is started with one upstream model and no rollout: a plain proxy."""
    return [ours, "serve", "--policies", policies, "--data", os.path.join(scratch, "data"),
            "--port", str(ROLLOUT), "--control-port", "0", "--log-level", "error"]


def pinned(core, command):
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[min(core, len(cores) - 1)])] + command


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


class Servers:
    """What runs for the benchmark; all of it ends with the block."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.processes = []
        self.numbers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, name, core, port, command):
        log = os.path.join(self.scratch, name + ".log")
        with open(log, "w") as output:
            self.processes.append(
                subprocess.Popen(pinned(core, command), stdout=output, stderr=output))
        for _ in range(200):
            if self.processes[-1].poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    self.numbers[name] = self.processes[-1].pid
                    return
            time.sleep(0.1)
        sys.exit(f"bench: {name} does not listen on port {port}; see {log}")


def processor_seconds(number):
    """What a process and its children have taken so far, by /proc."""
    with open(f"/proc/{number}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    taken = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    with open(f"/proc/{number}/task/{number}/children") as file:
        return taken + sum(processor_seconds(int(child)) for child in file.read().split())


def measure(port, connections, seconds, script, number):
    """One run of wrk: requests a second, and processor microseconds that the side took for each.

    An answer that is not 2xx ends the benchmark, as it would not be one.
    """
    before = processor_seconds(number)
    output = subprocess.run(
        pinned(0, ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script,
                   f"http://127.0.0.1:{port}/v1/chat/completions"]),
        capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = re.search(r"Socket errors: (.*)", output)
    if failed or errors:
        sys.exit(f"bench: errors on port {port} with {connections} connections:\n{output}")
    count = int(re.search(r"(\d+) requests in", output).group(1))
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
            (processor_seconds(number) - before) / max(count, 1) * 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the program `rollout`")
    parser.add_argument("--nginx", required=True, help="the program `nginx`")
    parser.add_argument("--scratch", required=True, help="a folder for logs and configuration")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", choices=["direct", "nginx", "rollout"], action="append")
    arguments = parser.parse_args()

    scratch = os.path.join(os.path.abspath(arguments.scratch), "gateway")
    shutil.rmtree(scratch, ignore_errors=True)
    policies = os.path.join(scratch, "policies")
    os.makedirs(policies)
    upstream = os.path.join(scratch, "upstream")
    subprocess.run(["cc", "-O2", "-o", upstream, os.path.join(HERE, "upstream.c")], check=True)
    write(os.path.join(policies, "bench.yaml"), MODEL_POLICY.format(upstream=UPSTREAM))
    nginx = write(os.path.join(scratch, "nginx.conf"), NGINX_CONFIGURATION.format(
        scratch=scratch, upstream=UPSTREAM, port=NGINX))
    script = write(os.path.join(scratch, "post.lua"), (
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [==[{json.dumps(BODY)}]==]\n"))

    ports = {"direct": UPSTREAM, "nginx": NGINX, "rollout": ROLLOUT}
    sides = [name for name in ports if not arguments.only or name in arguments.only]
    results = {(name, count): [] for name in sides for count in CONNECTIONS}
    with Servers(scratch) as servers:
        servers.start("direct", 0, UPSTREAM, [upstream, str(UPSTREAM)])
        if "nginx" in sides:
            servers.start("nginx", 1, NGINX, [
                arguments.nginx, "-e", "stderr", "-c", nginx, "-p", scratch])
        if "rollout" in sides:
            servers.start("rollout", 1, ROLLOUT, rollout_command(arguments.ours, policies, scratch))
        for number in range(arguments.rounds + 1):
            for name, count in results:
                seconds = arguments.seconds if number else 1
                one = measure(ports[name], count, seconds, script, servers.numbers[name])
                if number:  # The round before the first warms up.
                    results[name, count].append(one)
            print(f"bench: round {number} of {arguments.rounds} done", file=sys.stderr)

    print(f"\nMedians of {arguments.rounds} rounds; (×) is the share of nginx's.")
    table("requests a second", sides, results, 0)
    table("processor microseconds a request", sides, results, 1)


def table(title, sides, results, index):
    print(f"\n{title}\n")
    print("| connections | " + " | ".join(sides) + " |")
    print("|---" * (len(sides) + 1) + "|")
    for count in CONNECTIONS:
        medians = {
            name: statistics.median(one[index] for one in results[name, count]) for name in sides}
        cells = [
            f"{value:,.0f}" + (f" ({value / medians['nginx']:.2f}×)"
                               if name == "rollout" and "nginx" in medians else "")
            for name, value in medians.items()
        ]
        print(f"| {count} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
