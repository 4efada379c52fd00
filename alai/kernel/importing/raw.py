"""SQLite values as they are: any column may hold any type, and its text may be anything but text."""

import base64
import hashlib
import math
from collections.abc import Mapping
from typing import Any


class BadText(bytes):
    """Text that is not UTF-8."""

    def __repr__(self) -> str:
        return f"BadText({super().__repr__()})"


Raw = None | int | float | str | BadText | bytes


def text_factory(data: bytes) -> str | BadText:
    """For `sqlite3.Connection.text_factory`: text where it is UTF-8, else its bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return BadText(data)


def to_json(value: Raw) -> Any:
    """The value as PostgreSQL's jsonb can hold it; `from_json` gives it back exactly."""
    if isinstance(value, str):
        return _base64("text", value.encode()) if "\0" in value else value
    if isinstance(value, bytes):
        return _base64("text" if isinstance(value, BadText) else "blob", value)
    if isinstance(value, float) and (not math.isfinite(value) or abs(value) >= 1e15):
        return {"real": repr(value)}  # jsonb has no infinity, and would write 1e300 as an integer
    return value


def from_json(value: Any) -> Raw:
    if not isinstance(value, dict):
        plain: Raw = value
        return plain
    if "real" in value:
        return float(value["real"])
    data = base64.b64decode(value["base64"])
    return data if value.get("type") == "blob" else text_factory(data)


def row_to_json(row: Mapping[str, Raw]) -> dict[str, Any]:
    return {_name(column): to_json(value) for column, value in row.items()}


def row_hash(row: Mapping[str, Raw]) -> bytes:
    """16 bytes of BLAKE2. Empty columns do not count: a column that is added later changes no row."""
    filled = [item for item in row.items() if item[1] is not None]
    return digest(repr(sorted(filled, key=lambda item: item[0])))


def digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def shown(value: Raw, length: int = 60) -> str:
    """The value in a sentence."""
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def _base64(kind: str, data: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode(), "type": kind}


def _name(column: str) -> str:
    return column.replace("\0", "\u2400")
