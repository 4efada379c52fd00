"""Answers in any command's voice: JSON for programs, lines without control characters for people."""

from __future__ import annotations

import sys

from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Json = dict[str, Any]


def as_json(value: object) -> None:
    import json

    tell(json.dumps(value, ensure_ascii=not _unicode(), indent=2))


def json_line(value: object) -> str:
    """One line, for a stream of them."""
    import json

    return json.dumps(value, ensure_ascii=not _unicode())


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def clean(text: object) -> str:
    """Text from mails and agents may carry escape sequences; a terminal must not see them."""
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in str(text)
    )


def seconds(moment: str | None) -> str:
    """`2026-05-08T12:30:00.123456Z` as `2026-05-08T12:30:00Z`."""
    return f"{moment[:19]}Z" if moment else ""


def lines(page: Json, told: Sequence[str]) -> None:
    for line in told:
        tell(clean(line))
    more(page)


def more(page: Json) -> None:
    if page.get("next_cursor"):
        tell(f"(more: --cursor {page['next_cursor']})")
