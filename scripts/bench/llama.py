"""Times llama.cpp as `rollout bench engine` times this project's engine, and prints the same JSON.

    python llama.py --weights FILE --threads 1 --prefill 128,512 --decode-depth 0,512 [--flash]
    python llama.py --weights FILE --requantise Q4_0_FILE

Batches are llama-bench's: up to 2,048 tokens a call, computed 512 at a time. Contents of the
tokens do not change the work, so they are arbitrary. Each figure is one run, after one to warm up;
where a length is asked for both ways, one text serves both.
"""

import argparse
import json
import resource
import sys
import time

import llama_cpp as ll

DECODED = 32


class Engine:
    def __init__(self, weights, threads, positions, flash):
        ll.llama_backend_init()
        model_parameters = ll.llama_model_default_params()
        model_parameters.n_gpu_layers = 0
        self.model = ll.llama_model_load_from_file(weights.encode(), model_parameters)
        if not self.model:
            sys.exit(f"llama.cpp cannot load {weights}")
        parameters = ll.llama_context_default_params()
        parameters.n_ctx = positions
        parameters.n_batch = 2048
        parameters.n_ubatch = 512
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = (
            ll.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self.context = ll.llama_init_from_model(self.model, parameters)

    def read(self, count):
        """Appends `count` tokens to the context."""
        while count > 0:
            some = min(count, 2048)
            tokens = (ll.llama_token * some)(*(1000 + i % 1000 for i in range(some)))
            if ll.llama_decode(self.context, ll.llama_batch_get_one(tokens, some)) != 0:
                sys.exit("llama_decode failed")
            count -= some
        ll.llama_synchronize(self.context)

    def forget(self):
        ll.llama_memory_clear(ll.llama_get_memory(self.context), True)

    def speeds(self, count, decodes):
        """Tokens a second of a prompt of `count`, and of tokens one at a time behind it."""
        self.forget()
        started = time.perf_counter()
        self.read(count)
        read = time.perf_counter()
        for _ in range(DECODED if decodes else 0):
            self.read(1)
        written = time.perf_counter()
        return (count / (read - started) if count else None,
                DECODED / (written - read) if decodes else None)


def requantise(source, target):
    parameters = ll.llama_model_quantize_default_params()
    parameters.ftype = ll.LLAMA_FTYPE_MOSTLY_Q4_0
    parameters.allow_requantize = True
    if ll.llama_model_quantize(source.encode(), target.encode(), parameters) != 0:
        sys.exit(f"llama.cpp cannot requantise {source}")


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prefill", type=numbers, default=[128, 512, 2048])
    parser.add_argument("--decode-depth", type=numbers, default=[0, 512])
    parser.add_argument("--flash", action="store_true")
    parser.add_argument("--requantise", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="as the other side has it; always on")
    arguments = parser.parse_args()

    silence = ll.llama_log_callback(lambda level, text, data: None)
    ll.llama_log_set(silence, None)
    if arguments.requantise:
        return requantise(arguments.weights, arguments.requantise)
    without_model = peak_bytes()
    positions = max(arguments.prefill + [depth + DECODED for depth in arguments.decode_depth])
    engine = Engine(arguments.weights, arguments.threads, positions + 64, arguments.flash)
    engine.speeds(min(arguments.prefill), True)  # Warms up.
    sizes = sorted(set(arguments.prefill + arguments.decode_depth))
    speeds = {n: engine.speeds(n, n in arguments.decode_depth) for n in sizes}
    print(json.dumps({
        "threads": arguments.threads,
        "prefill": {str(n): speeds[n][0] for n in arguments.prefill},
        "decode": {str(n): speeds[n][1] for n in arguments.decode_depth},
        # After the work above, beyond the program and its libraries, as on the other side.
        "residentBytes": peak_bytes() - without_model,
    }))


if __name__ == "__main__":
    main()
