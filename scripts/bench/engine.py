"""Our engine beside llama.cpp: the same weights, the same threads, in turn.

    python engine.py --ours .build/release/rollout --weights FILE [--threads 1,2] [--rounds 3]

Every round runs each side once, one after the other, so that a busy machine is busy for all of
them; the table has medians and, what lasts longer than any of them, ratios. llama.cpp has no
matrix-matrix kernel for Q4_1, so its side is there a second time with weights requantised to Q4_0,
for which it has one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PREFILL = "128,512,2048"
DEPTHS = "0,512"


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout)


def sides(arguments, threads):
    """The command of each side, ours first."""
    q4_0 = os.path.join(os.path.dirname(arguments.scratch + "/"), "requantised-q4_0.gguf")
    llama = [sys.executable, os.path.join(HERE, "llama.py")]
    if not os.path.exists(q4_0):
        subprocess.run(
            llama + ["--weights", arguments.weights, "--requantise", q4_0 + ".part"], check=True)
        os.rename(q4_0 + ".part", q4_0)
    what = ["--threads", str(threads), "--prefill", PREFILL, "--decode-depth", DEPTHS, "--json"]
    same = ["--weights", arguments.weights] + what
    return {
        "rollout": [arguments.ours, "bench", "engine"] + same,
        "llama.cpp": llama + same,
        "llama.cpp, flash": llama + same + ["--flash"],
        "llama.cpp, Q4_0": llama + ["--weights", q4_0] + what,
    }


def table(threads, results):
    """A Markdown table of medians, with our figure as a multiple of each other side's."""
    names = list(results)
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, tokens/s, "
          f"median of {len(results[names[0]])}; (×) is rollout's multiple of it\n")
    print("| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    first = results[names[0]][0]
    for kind in ("prefill", "decode"):
        for size in first[kind]:
            medians = [
                statistics.median(round_[kind][size] for round_ in results[name])
                for name in names
            ]
            cells = [f"{medians[0]:,.0f}"]
            cells += [f"{value:,.0f} ({medians[0] / value:.2f}×)" for value in medians[1:]]
            label = f"prefill {size}" if kind == "prefill" else f"decode at {size}"
            print(f"| {label} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the program `rollout`")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--scratch", required=True, help="a folder for requantised weights")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for threads in map(int, arguments.threads.split(",")):
        commands = sides(arguments, threads)
        results = {name: [] for name in commands}
        for number in range(arguments.rounds):
            for name, command in commands.items():
                print(f"bench: round {number + 1}, {threads} threads, {name}", file=sys.stderr)
                results[name].append(run(command))
        table(threads, results)


if __name__ == "__main__":
    main()
