"""Our engine beside llama.cpp: the same weights, cores and threads, in turn.

    python engine.py --ours .build/release/rollout --weights FILE --scratch .bench
                     [--threads 1,2] [--rounds 3] [--quick] [--write engine.json] [--figure SVG]

Every round runs each side once, one after the other, so that a busy machine is busy for all of
them; the tables have medians and, what lasts longer than any of them, ratios. llama.cpp runs with
and without its flash attention, and once more with weights requantised to Q4_0, the format that it
multiplies fastest; a ratio is always to the better of its attentions. --write keeps the run.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

import figure

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout)


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lengths = "128,512,2048" if arguments.quick else "128,512,2048,8192"
        self.depths = "0,512" if arguments.quick else "0,512,2048,8192"
        self.commands = {}

    def ours(self, threads, *options):
        return [self.arguments.ours, "bench", "engine", "--weights", self.arguments.weights,
                "--threads", str(threads), "--rounds", "1", "--json", *options]

    def llama(self, threads, weights, *options):
        return [sys.executable, os.path.join(HERE, "llama.py"), "--weights", weights,
                "--threads", str(threads), *options]

    def requantised(self):
        path = os.path.join(self.arguments.scratch, "requantised-q4_0.gguf")
        if not os.path.exists(path):
            command = self.llama(1, self.arguments.weights, "--requantise", path + ".part")
            subprocess.run(command, check=True)
            os.rename(path + ".part", path)
        return path

    def sides(self, threads):
        """The command of each side. What only we have stands behind what both have."""
        weights = self.arguments.weights
        work = ["--prefill", self.lengths, "--decode-depth", self.depths]
        short = ["--prefill", "128,512", "--decode-depth", "0"]
        longest = self.lengths.split(",")[-1]
        return {
            "rollout": self.ours(threads, *work, "--concurrent", "8"),
            "llama.cpp": self.llama(threads, weights, *work),
            "llama.cpp, flash": self.llama(threads, weights, *work, "--flash"),
            "llama.cpp, Q4_0": self.llama(threads, self.requantised(), *short),
            "rollout, float32": self.ours(threads, "--arithmetic", "float32", *short),
            "rollout, window 1024": self.ours(
                threads, "--variant", "window:1020+4", "--prefill", longest, "--decode-depth",
                longest),
        }

    def measure(self, threads):
        """The results of all rounds, by side."""
        sides = self.sides(threads)
        self.commands[threads] = {
            name: " ".join(os.path.basename(word) for word in command)
            for name, command in sides.items()}
        results = {name: [] for name in sides}
        for number in range(self.arguments.rounds):
            for name, command in sides.items():
                print(f"bench: round {number + 1}, {threads} threads, {name}", file=sys.stderr)
                results[name].append(run(command))
        return {name: medians(rounds) for name, rounds in results.items()}

    def memory(self):
        """Resident bytes with a text of 8,192 tokens, and milliseconds to a first token."""
        work = ["--prefill", "8192", "--decode-depth", "0"]
        return {
            "rollout, f16": run(self.ours(1, *work, "--kv-cache", "f16")),
            "rollout, q8": run(self.ours(1, *work, "--kv-cache", "q8")),
            "llama.cpp, flash": run(self.llama(1, self.arguments.weights, *work, "--flash")),
        }


def medians(rounds):
    """One result with the median of each figure."""
    result = {}
    for key, value in rounds[0].items():
        if isinstance(value, dict):
            result[key] = {
                size: statistics.median(one[key][size] for one in rounds) for size in value}
        elif isinstance(value, (int, float)):
            result[key] = statistics.median(one[key] for one in rounds)
        else:
            result[key] = value
    return result


def best_peer(sides, kind, size):
    return max(sides[name][kind].get(size, 0) for name in ("llama.cpp", "llama.cpp, flash"))


def table(threads, sides):
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, tokens/s; (×) is how many times as "
          "fast rollout is\n")
    names = list(sides)
    print("| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for kind in ("prefill", "decode"):
        for size, ours in sides["rollout"][kind].items():
            cells = []
            for name in names:
                value = sides[name][kind].get(size)
                if value is None:
                    cells.append("")
                elif name.startswith("llama"):
                    cells.append(f"{value:,.0f} ({ours / value:.2f}×)")
                else:
                    cells.append(f"{value:,.0f}")
            label = f"prefill {size}" if kind == "prefill" else f"decode at {size}"
            print(f"| {label} | " + " | ".join(cells) + " |")
    ours = sides["rollout"]
    for count, rate in ours.get("concurrent", {}).items():
        print(f"\n{count} sequences at once write {rate:,.0f} tokens/s, "
              f"{rate / ours['decode']['0']:.2f}× one.")


def limits(result, threads):
    """How near decoding at depth 0 is to reading the weights once a token."""
    floor = result["weightBytes"] / result["readBytesPerSecond"]
    share = floor * result["decode"]["0"]
    print(f"\nMemory gives {result['readBytesPerSecond'] / 1e9:.1f} GB/s to {threads} thread(s): "
          f"at most {1 / floor:,.0f} tokens/s for {result['weightBytes'] / 1e6:.1f} MB of "
          f"weights; decoding reaches {share:.0%} of it.")
    return share


def ratios(one):
    """Of the run with one thread: ours as a multiple of llama.cpp's better attention."""
    ours = one["rollout"]
    result = {}
    for kind, size, name in [
        ("prefill", "512", "prefill512"), ("prefill", "8192", "prefill8192"),
        ("decode", "0", "decode0"), ("decode", "8192", "decode8192"),
    ]:
        if size in ours[kind]:
            result[name] = round(ours[kind][size] / best_peer(one, kind, size), 3)
    result["prefill512VsQ4_0"] = round(
        ours["prefill"]["512"] / one["llama.cpp, Q4_0"]["prefill"]["512"], 3)
    result["prefill512Float32"] = round(
        one["rollout, float32"]["prefill"]["512"] / best_peer(one, "prefill", "512"), 3)
    window = one["rollout, window 1024"]
    if "8192" in window["prefill"]:
        result["prefill8192Window1024"] = round(
            window["prefill"]["8192"] / best_peer(one, "prefill", "8192"), 3)
    return result


def machine():
    with open("/proc/cpuinfo") as file:
        lines = file.read().split("\n")
    name = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "?")
    flags = next((line for line in lines if line.startswith("flags")), "")
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return {"processor": name, "cores": os.cpu_count(), "system": platform.system(),
            "instructions": [flag for flag in wanted if flag in flags.split()]}


def scaling(bench, sizes):
    """Seconds to read a prompt and bytes beyond the weights, by variant and length."""
    result = {}
    for variant in ("dense", "flash", "window:1020+4", "hybrid"):
        rows = {}
        for size in sizes:
            if variant == "dense" and size > 8192:
                continue  # Minutes and gigabytes, and no surprise.
            print(f"bench: scaling, {variant} at {size}", file=sys.stderr)
            report = run(bench.ours(2, "--variant", variant, "--prefill", str(size),
                                    "--decode-depth", "0"))
            rows[size] = {"seconds": size / report["prefill"][str(size)],
                          "bytes": report["residentBytes"] - report["weightBytes"]}
        result[variant] = rows
    for variant, rows in result.items():
        rows = {size: row for size, row in rows.items() if size >= 2048}
        if len(rows) > 1:
            time = figure.exponent([(size, row["seconds"]) for size, row in rows.items()])
            room = figure.exponent([(size, row["bytes"]) for size, row in rows.items()])
            print(f"{variant}: from 2k on, time grows as n^{time:.2f}, memory as n^{room:.2f}")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the program `rollout`")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--scratch", required=True, help="a folder for requantised weights")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="no text beyond 2,048 tokens")
    parser.add_argument("--write", metavar="JSON", help="keep the run in this file")
    parser.add_argument("--figure", metavar="SVG", help="draw time and memory against length")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    kept = {"date": str(datetime.date.today()), "machine": machine(), "rounds": arguments.rounds,
            "medians": {}, "boundShares": {}}
    for threads in map(int, arguments.threads.split(",")):
        sides = bench.measure(threads)
        table(threads, sides)
        kept["boundShares"][threads] = round(limits(sides["rollout"], threads), 3)
        kept["medians"][threads] = sides
    kept["commands"] = bench.commands
    kept["ratios"] = ratios(next(iter(kept["medians"].values())))
    print("\nratios at the first number of threads: " + json.dumps(kept["ratios"]))
    if not arguments.quick:
        kept["at8192"] = bench.memory()
        for name, result in kept["at8192"].items():
            print(f"{name}: {result['residentBytes'] / 1e6:,.0f} MB resident with 8,192 tokens")
    if arguments.figure:
        sizes = [512, 1024, 2048, 4096, 8192, 16384, 32768]
        kept["scaling"] = scaling(bench, sizes[:3] if arguments.quick else sizes)
        with open(arguments.figure, "w") as file:
            file.write(figure.svg(kept["scaling"]))
    if arguments.write:
        with open(arguments.write, "w") as file:
            json.dump(kept, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
