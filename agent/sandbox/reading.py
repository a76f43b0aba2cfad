"""Bytes of a request to a JSON value with exact decimals, whatever the bytes are."""

import json
from decimal import Decimal
from typing import Any

MAX_DEPTH = 32  # deeper nesting is an attack or a mistake, and comparing it could exhaust the stack


def parse(body: bytes) -> Any:
    """The JSON value; None for what is no JSON, is nested too deep, or is a bare null (no request either)."""
    try:
        document = json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError):  # not UTF-8 or JSON; an exponent beyond Decimal's; brackets without end
        return None
    return document if _depth_fits(document) else None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth_fits(document: Any) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            inner for value in level if isinstance(value, dict | list) for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return True
    return False
