"""Our engine beside llama.cpp: the same weights, cores and threads, in turn.

    python engine.py --ours .build/release/rollout --weights FILE --scratch .bench
                     [--threads 1,2] [--rounds 3] [--long-rounds 1] [--quick]
                     [--write engine.json] [--figure SVG]

Every round runs each side once, one after the other, so that a busy machine is busy for all of
them; the tables have medians and, what lasts longer than any of them, ratios. llama.cpp runs with
and without its flash attention, and once more with weights requantised to Q4_0, the format that it
multiplies fastest; a ratio is always to the better of its attentions. Texts of 8,192 tokens, which
take llama.cpp minutes, have rounds of their own (--long-rounds). --write keeps the run.
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


SHORT, LONG = [128, 512, 2048], [8192]


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.commands = {}
        self.long = None

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
        work = ["--prefill", listed(SHORT), "--decode-depth", listed([0, 512, 2048])]
        short = ["--prefill", "128,512", "--decode-depth", "0"]
        return {
            "rollout": self.ours(threads, *work, "--concurrent", "8"),
            "llama.cpp": self.llama(threads, weights, *work),
            "llama.cpp, flash": self.llama(threads, weights, *work, "--flash"),
            "llama.cpp, Q4_0": self.llama(threads, self.requantised(), *short),
            "rollout, float32": self.ours(threads, "--arithmetic", "float32", *short),
        }

    def long_sides(self, threads):
        """The same for the longest text."""
        work = ["--prefill", listed(LONG), "--decode-depth", listed(LONG)]
        return {
            "rollout": self.ours(threads, *work),
            "llama.cpp": self.llama(threads, self.arguments.weights, *work),
            "llama.cpp, flash": self.llama(threads, self.arguments.weights, *work, "--flash"),
            "rollout, window 1024": self.ours(threads, "--variant", "window:1020+4", *work),
        }

    def measure(self, threads):
        """The results of all rounds, by side."""
        results = self.rounds(threads, self.sides(threads), self.arguments.rounds)
        if not self.arguments.quick:
            long = self.rounds(threads, self.long_sides(threads), self.arguments.long_rounds)
            self.long = self.long or long
            for name, result in long.items():
                for kind in ("prefill", "decode"):
                    results.setdefault(name, {"prefill": {}, "decode": {}})[kind] |= result[kind]
        return results

    def rounds(self, threads, sides, count):
        commands = self.commands.setdefault(threads, {})
        for name, command in sides.items():
            words = " ".join(os.path.basename(word) for word in command)
            commands.setdefault(name, []).append(words)
        results = {name: [] for name in sides}
        for number in range(count):
            for name, command in sides.items():
                print(f"bench: round {number + 1}, {threads} threads, {name}", file=sys.stderr)
                results[name].append(run(command))
        return {name: medians(rounds) for name, rounds in results.items()}

    def memory(self):
        """Resident bytes with a text of 8,192 tokens, at the first number of threads."""
        work = ["--prefill", listed(LONG), "--decode-depth", listed(LONG), "--kv-cache", "q8"]
        threads = int(self.arguments.threads.split(",")[0])
        return {"rollout, f16": self.long["rollout"],
                "rollout, q8": run(self.ours(threads, *work)),
                "llama.cpp, flash": self.long["llama.cpp, flash"]}


def listed(sizes):
    return ",".join(map(str, sizes))


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
        for size, ours in sorted(sides["rollout"][kind].items(), key=lambda row: int(row[0])):
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
    window = one.get("rollout, window 1024")
    if window:
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


VARIANTS = ["dense", "flash", "window:1020+4", "hybrid:512", "quest:512", "moba:512/64"]


def scaling(bench, sizes):
    """Seconds to read a prompt, seconds of a token behind it, and bytes beyond the weights."""
    result = {}
    for variant in VARIANTS:
        rows = {}
        for size in sizes:
            if variant == "dense" and size > 8192:
                continue  # Minutes and gigabytes, and no surprise.
            print(f"bench: scaling, {variant} at {size}", file=sys.stderr)
            report = run(bench.ours(2, "--variant", variant, "--prefill", str(size),
                                    "--decode-depth", str(size)))
            rows[size] = {"seconds": round(size / report["prefill"][str(size)], 4),
                          "tokenSeconds": round(1 / report["decode"][str(size)], 5),
                          "bytes": report["residentBytes"] - report["weightBytes"]}
        result[variant] = rows
    return result


def exponents(scaling):
    """By variant: k where seconds and bytes grow as the length to the power of k, from 2k on."""
    result = {}
    for variant, rows in scaling.items():
        rows = {size: row for size, row in rows.items() if size >= 2048}
        if len(rows) > 1:
            result[variant] = {
                name: round(figure.exponent([(size, row[name]) for size, row in rows.items()]), 2)
                for name in ("seconds", "tokenSeconds", "bytes")}
    return result


def show_scaling(scaling):
    print("\nvariant: seconds of prefill / milliseconds a token, by length")
    for variant, rows in scaling.items():
        cells = [f"{size}: {row['seconds']:.2f} / {row['tokenSeconds'] * 1e3:.1f}"
                 for size, row in rows.items()]
        print(f"{variant}: " + ", ".join(cells))
    for variant, powers in exponents(scaling).items():
        print(f"{variant}: from 2k on, prefill grows as n^{powers['seconds']}, "
              f"a token as n^{powers['tokenSeconds']}, memory as n^{powers['bytes']}")


def attention(bench):
    """Attention alone at 8,192 positions: each way's seconds and memory, one thread."""
    return run([bench.arguments.ours, "bench", "attention", "--length", "8192", "--json"])


def keep(run, path):
    """Writes the run, as far as it is; called before what may fail late, and at the end."""
    if path:
        with open(path, "w") as file:
            json.dump(run, file, indent=1)
            file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the program `rollout`")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--scratch", required=True, help="a folder for requantised weights")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long-rounds", type=int, default=1, help="of texts of 8,192 tokens")
    parser.add_argument("--quick", action="store_true", help="no text beyond 2,048 tokens")
    parser.add_argument("--write", metavar="JSON", help="keep the run in this file")
    parser.add_argument("--figure", metavar="SVG", help="draw time and memory against length")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    kept = {"date": str(datetime.date.today()), "machine": machine(), "rounds": arguments.rounds,
            "longRounds": arguments.long_rounds, "medians": {}, "boundShares": {}}
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
        kept["attention8192"] = attention(bench)
        for name, result in kept["attention8192"].items():
            print(f"attention alone, {name}: {result['seconds'] * 1e3:,.0f} ms")
    keep(kept, arguments.write)
    if arguments.figure:
        sizes = [512, 1024, 2048, 4096, 8192, 16384, 32768]
        kept["scaling"] = scaling(bench, sizes[:3] if arguments.quick else sizes)
        kept["exponents"] = exponents(kept["scaling"])
        show_scaling(kept["scaling"])
        with open(arguments.figure, "w") as file:
            file.write(figure.svg(kept["scaling"]))
    keep(kept, arguments.write)


if __name__ == "__main__":
    main()
