"""Reads policies the way an editor does, and holds them against a JSON Schema.

    schema_check.py SCHEMA CASES

CASES has a text a line, as a JSON string. Prints a line for each: `accepted`, `refused: WHY`, or
`unreadable` when it is not YAML 1.2. Needs the packages `jsonschema` and `ruamel.yaml`.
"""

import json
import sys

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

with open(sys.argv[1]) as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)


def verdict(text):
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except Exception:
        return "unreadable"
    error = next(validator.iter_errors(document), None)
    if error is None:
        return "accepted"
    place = "/".join(str(part) for part in error.absolute_path)
    return f"refused: /{place}: {error.message[:200]}".replace("\n", " ")


with open(sys.argv[2]) as file:
    for line in file:
        print(verdict(json.loads(line)))
