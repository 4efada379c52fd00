"""Conditions as one reads them in YAML, in the language that Gatus has made common.

    [STATUS] == 200        [STATUS] == any(200, 301, 302)      [RESPONSE_TIME] < 800
    [BODY] == pat(*Sign in*)                 [BODY].configuration.cosine_threshold == 0.5
    len([BODY].models) > 0                   has([BODY].error) == false
    [CERTIFICATE_EXPIRATION] > 720h

Times are milliseconds, certificate ages durations (`h`, `m`, `s`, `d`). A path into JSON that leads nowhere makes the
condition fail, whatever it compares with: a missing key is drift.
"""

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

PLACEHOLDERS = ("STATUS", "RESPONSE_TIME", "BODY", "IP", "CONNECTED", "CERTIFICATE_EXPIRATION", "DNS_RCODE")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
SHAPE = re.compile(r"^(?P<left>.+?)\s*(?P<op>==|!=|<=|>=|<|>)\s*(?P<right>.+)$", re.DOTALL)
VALUE = re.compile(r"^(?:(?P<call>len|has)\()?\[(?P<name>[A-Z_]+)\](?P<path>[^()]*)(?(call)\))$")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]")
DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MISSING = object()
SHOWN = 80


class BadCondition(ValueError):
    """A condition that cannot be read; its text says how one is written."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison. `call` is `len`, `has` or empty; `path` the steps into the body's JSON."""

    text: str
    name: str
    call: str
    path: tuple[str | int, ...]
    op: str
    right: str

    def holds(self, seen: Mapping[str, Any]) -> tuple[bool, str]:
        """Whether it holds for what was seen, and what stood there instead when not."""
        left = self._left(seen)
        if self.call == "has":
            found: Any = left is not MISSING
            return _compare(found, self.op, self.right), str(found).lower()
        if left is MISSING:
            return False, "missing"
        if self.call == "len":
            left = len(left) if isinstance(left, str | list | dict) else 0
        return _compare(left, self.op, self.right), _shown(left)

    def _left(self, seen: Mapping[str, Any]) -> Any:
        value = seen.get(self.name, MISSING)
        if value is MISSING or value is None:
            return MISSING
        if self.name == "BODY" and (self.path or self.call == "len"):
            value = _json(value)
        for step in self.path:
            value = _into(value, step)
        return value


@lru_cache(maxsize=10_000)
def read(text: str) -> Condition:
    """The condition that a line says; `BadCondition` with a hint otherwise."""
    shape = SHAPE.match(text.strip())
    if shape is None:
        raise BadCondition(f"{text!r} compares nothing: write something like [STATUS] == 200")
    value = VALUE.match(shape["left"])
    if value is None or value["name"] not in PLACEHOLDERS:
        known = ", ".join(f"[{name}]" for name in PLACEHOLDERS)
        raise BadCondition(f"{shape['left']!r} is none of {known}, len(...) or has(...)")
    path = value["path"]
    steps = STEP.findall(path)
    if "".join(f".{name}" if name else f"[{at}]" for name, at in steps) != path:
        raise BadCondition(f"{path!r} is no path: write .key.key or [0]")
    if path and value["name"] != "BODY":
        raise BadCondition(f"only [BODY] has paths, not [{value['name']}]")
    parts = tuple(name or int(at) for name, at in steps)
    return Condition(text, value["name"], value["call"] or "", parts, shape["op"], shape["right"].strip())


def failing(conditions: tuple[str, ...], seen: Mapping[str, Any]) -> list[str]:
    """A sentence for each condition that does not hold."""
    told = []
    for text in conditions:
        holds, instead = read(text).holds(seen)
        if not holds:
            told.append(f"{text} (it is {instead})")
    return told


def _compare(left: Any, op: str, right: str) -> bool:
    if right.startswith("any(") and right.endswith(")"):
        options = [one.strip() for one in right[4:-1].split(",")]
        hit = any(_compare(left, "==", one) for one in options)
        return hit if op == "==" else not hit if op == "!=" else False
    if right.startswith("pat(") and right.endswith(")"):
        hit = fnmatch.fnmatchcase(_text(left), right[4:-1])
        return hit if op == "==" else not hit if op == "!=" else False
    wanted = _number(right)
    if wanted is not None and isinstance(left, int | float) and not isinstance(left, bool):
        return OPERATORS[op](float(left), wanted)
    if op in ("==", "!="):
        return OPERATORS[op](_text(left), right.strip('"'))
    number = _number(_text(left))
    return wanted is not None and number is not None and OPERATORS[op](number, wanted)


def _number(text: str) -> float | None:
    """A number, or a duration in milliseconds."""
    duration = DURATION.match(text)
    if duration:
        return float(duration[1]) * UNITS[duration[2]]
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(body: Any) -> Any:
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return MISSING


def _into(value: Any, step: str | int) -> Any:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step, MISSING)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return MISSING


def _shown(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
