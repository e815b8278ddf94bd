"""Plays readers for the demonstration: each asks a question and says what they think of the answer.

    ROLLOUT_ENDPOINT=http://127.0.0.1:8080/v1 python3 scripts/demo/readers.py ROUTE --readers 40

Readers know the answer to their question (fixtures/traffic/questions.tsv): a thumb goes up when the
answer has the word, down when it has not. With --choices 2 they see two answers and take the one
that has it, or say nothing when both have it or neither. --silent readers ask and say nothing.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "x-rollout-feedback-token"
# Seconds until a reader gives up; a machine that is busy with other things may take minutes.
PATIENCE = 600


def post(path, body):
    """The answer and its headers; what the service refuses ends the demonstration."""
    request = urllib.request.Request(
        os.environ["ROLLOUT_ENDPOINT"] + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: {error.code} {error.read().decode()}")
    except OSError as error:
        sys.exit(f"{path}: {error}")


def questions():
    lines = (ROOT / "fixtures/traffic/questions.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    return [(question, words.split("|")) for question, words in rows]


def is_right(text, words):
    return any(re.search(rf"\b{re.escape(word)}\b", text, re.I) for word in words)


def read(route, number, choices, silent):
    """One reader: what was asked of whom, and what was said of it."""
    known = questions()
    question, words = known[number % len(known)]
    body = {
        "model": route,
        "user": f"reader-{number}",
        "temperature": 0,
        "max_tokens": 12,
        "messages": [{"role": "user", "content": question}],
    }
    if choices > 1:
        body["n"] = choices
    answer, headers = post("/chat/completions", body)
    right = [is_right(choice["message"]["content"], words) for choice in answer["choices"]]
    model = headers["x-rollout-model"] if choices == 1 else "both"
    if silent:
        return model, None
    if choices == 1:
        post("/feedback", {"token": headers[TOKEN], "thumbs": "up" if right[0] else "down"})
        return model, right[0]
    if any(right) and not all(right):
        said = {"token": headers[TOKEN], "thumbs": "up", "choice": right.index(True)}
        post("/feedback", said)
        return model, True
    return model, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("route")
    parser.add_argument("--readers", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the number of the first reader")
    parser.add_argument("--choices", type=int, default=1)
    parser.add_argument("--silent", action="store_true")
    arguments = parser.parse_args()
    said = collections.defaultdict(list)
    numbers = range(arguments.first, arguments.first + arguments.readers)

    def one(number):
        return read(arguments.route, number, arguments.choices, arguments.silent)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for model, thumb in pool.map(one, numbers):
            said[model].append(thumb)
    for model, thumbs in sorted(said.items()):
        count, up = len(thumbs), sum(thumb is True for thumb in thumbs)
        if arguments.silent:
            print(f"{model} answered {count}")
        elif arguments.choices > 1:
            print(f"{count} readers saw {arguments.choices} choices each, {up} preferred one")
        else:
            print(f"{model} answered {count}, {up} thumbs up")


if __name__ == "__main__":
    main()
