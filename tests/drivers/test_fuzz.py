"""Goal: no line makes the reading of requests fail (promise P24). Method: 100 000 seeded mutations of lines that registers write go through
the codec and the validation; each is a request, a notification, or a refusal that names places and quotes no value."""

import json
import random
import time

from drivers.jsonrpc import Call, Failure, Notification, read, write_failure
from drivers.messages import REQUESTS
from drivers.validation import Invalid, UnknownMethod, example_of, parse
from tests.drivers.support import checkout

MUTATIONS = 100_000
MAX_SECONDS = 60.0  # a mutant that takes for ever would show; they all take a few seconds
SECRETS = ("SECRETSESSION", "SECRETTOKEN")
PIECES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\\ud800",
    b"null",
    b"NaN",
    b"1e999",
    b"-0",
    b"\xff",
    b"\x00",
    b"9" * 30,
    b'"a":1,',
]


def lines() -> list[bytes]:
    """One right line of every method, and a whole payment."""
    requests = [(name, example_of(kind)) for name, kind in REQUESTS.items()]
    requests.append(("checkout.create", checkout("k")))
    return [json.dumps({"jsonrpc": "2.0", "id": 1, "method": name, "params": params}).encode() for name, params in requests]


def mutated(line: bytes, chance: random.Random) -> bytes:
    """One to three changes: a flipped bit, a piece of JSON put in, bytes taken out, doubled or moved."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        start = chance.randrange(len(line) or 1)
        end = min(len(line), start + chance.randrange(1, 12))
        match chance.randrange(5):
            case 0 if line:
                line = line[:start] + bytes([line[start] ^ (1 << chance.randrange(8))]) + line[start + 1 :]
            case 1:
                line = line[:start] + chance.choice(PIECES) + line[start:]
            case 2:
                line = line[:start] + line[end:]
            case 3:
                line = line[:end] + line[start:end] + line[end:]
            case _:
                other = chance.randrange(len(line) or 1)
                line = line[:other] + line[start:end] + line[other:]
    return line


def fate(line: bytes) -> str:
    """What becomes of a line."""
    match read(line):
        case Call(method=method, params=params):
            try:
                parse(method, params)
            except UnknownMethod:
                return "unknown"
            except Invalid as error:
                return judged("invalid", repr(error.problems) if error.problems else "")
            return "request"
        case Notification():
            return "notification"
        case Failure() as failure:
            return judged("unreadable", write_failure(failure).decode())


def judged(found: str, said: str) -> str:
    """A refusal says something, and no secret."""
    assert said
    assert not any(secret in said for secret in SECRETS)
    return found


def test_a_hundred_thousand_mutations() -> None:
    """Every one has a fate, all kinds of fate occur, and the whole takes seconds."""
    chance, originals = random.Random(20260131), lines()
    assert [fate(line) for line in originals] == ["request"] * len(originals)
    began, fates = time.monotonic(), dict[str, int]()
    for number in range(MUTATIONS):
        found = fate(mutated(originals[number % len(originals)], chance))
        fates[found] = fates.get(found, 0) + 1
    assert time.monotonic() - began < MAX_SECONDS
    assert sum(fates.values()) == MUTATIONS
    assert {"request", "invalid", "unknown", "unreadable"} <= {name for name, count in fates.items() if count > 100}, fates
