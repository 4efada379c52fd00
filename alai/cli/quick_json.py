"""JSON without the package `json`, whose import takes more than half as long as Python's own start.

The package brings regular expressions and enumerations along. What does its work in the end is `_json`; whatever is
out of the ordinary is left to the package itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    from _json import encode_basestring_ascii as quoted
    from _json import make_scanner
except ImportError:  # another implementation of Python
    from json import dumps as quoted

    def scan(text: str, start: int) -> tuple[Any, int]:
        raise ValueError

else:

    class _Plain:
        """What the scanner asks of its decoder."""

        strict = True
        object_hook = object_pairs_hook = None
        parse_float, parse_int, parse_constant = float, int, float

    scan = make_scanner(_Plain)  # type: ignore[arg-type, assignment]


def read(content: bytes) -> Any:
    """As `json.loads`; ValueError when it is no JSON."""
    text = content.decode()
    try:
        value, end = scan(text, 0)
    except (ValueError, StopIteration):
        end = -1
    if end == len(text):
        return value
    import json

    return json.loads(text)


def write(value: object) -> str:
    """As `json.dumps`, to the letter."""
    if isinstance(value, str):
        return quoted(value)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if type(value) is int:
        return str(value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return "{" + ", ".join(f"{quoted(key)}: {write(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    import json

    return json.dumps(value)
