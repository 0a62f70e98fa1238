"""Sends statements with the Python library tincan: one alone, which it puts under its id, then the others in batches.

    python3 tincan_py.py ENDPOINT SOURCE < statements.json

Prints the ids that were answered, as one JSON array.
"""

import json
import sys

import tincan

BATCH = 25


def taken(answer):
    """What the library made of an answer; fails with what the node said."""
    if not answer.success:
        sys.exit(f"{answer.response.status if answer.response else None}: {answer.data}")
    return answer.content


def main(endpoint, source, statements):
    lrs = tincan.RemoteLRS(endpoint=endpoint, version="1.0.3", username=source, password="secret")
    about = taken(lrs.about())
    assert "1.0.3" in about.version, about.version
    read = [tincan.Statement.from_json(json.dumps(statement)) for statement in statements]
    ids = [taken(lrs.save_statement(read[0])).id]
    for at in range(1, len(read), BATCH):
        ids += [statement.id for statement in taken(lrs.save_statements(read[at : at + BATCH]))]
    json.dump([str(id) for id in ids], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:], json.load(sys.stdin))
