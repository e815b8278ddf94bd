"""Writes requests for the shootout of attention variants: long ones that need the distance, and
short ones.

    python3 scripts/demo/long_prompts.py [--seed 1] [--long 46] | rollout replay -

A long one is a passage of a novel out of fixtures/texts with a pass key told somewhere in it, asked
for at the end (after Mohtashami and Jaggi 2023, in prose rather than their filler). The short ones
are those of fixtures/traffic/requests.jsonl. Passages overlap; each has a key and a place of its
own. The same seed writes the same bytes.
"""

import argparse
import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUTE = "attention-shootout"
PROMISE = (
    "There is an important info hidden inside a text. Find it and memorize it. "
    "I will quiz you about the important information there."
)


def sentences(text):
    """Whole sentences, roughly: a cut at a full stop never falls into a word."""
    return [part.strip() + "." for part in text.replace("\n\n", " ").split(". ") if part.strip()]


def long_request(number, texts, characters, generator):
    """A passage with a key at a depth that is drawn evenly."""
    prose = generator.choice(texts)
    size, start = 0, generator.randrange(len(prose) - 200)
    end = start
    while size < characters and end < len(prose):
        size += len(prose[end]) + 1
        end += 1
    passage = prose[start:end]
    key = generator.randrange(10_000, 100_000)
    told = f"The pass key is {key}. Remember it. {key} is the pass key."
    place = int(generator.random() * (len(passage) + 1))
    body = [PROMISE, *passage[:place], told, *passage[place:], "What is the pass key?"]
    return request(f"long-{number:02}", " ".join(body), 14)


def request(user, content, tokens):
    return {
        "model": ROUTE,
        "user": user,
        "temperature": 0,
        "max_tokens": tokens,
        "messages": [{"role": "user", "content": content}],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long", type=int, default=46, help="how many long ones")
    parser.add_argument("--characters", type=int, default=6400, help="of a passage, about")
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    paths = sorted((ROOT / "fixtures/texts").glob("*.txt"))
    texts = [sentences(path.read_text()) for path in paths]
    lines = [
        long_request(number, texts, arguments.characters, generator)
        for number in range(arguments.long)
    ]
    recorded = (ROOT / "fixtures/traffic/requests.jsonl").read_text().splitlines()
    for line in map(json.loads, recorded):
        if line["metadata"]["length"] == "short":
            lines.append({**line, "model": ROUTE})
    generator.shuffle(lines)
    for line in lines:
        print(json.dumps(line))


if __name__ == "__main__":
    main()
