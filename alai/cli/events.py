"""Telling events one by one, for as long as the command line says."""

from __future__ import annotations

import sys

from alai.cli import answers
from alai.cli.errors import DONE, Refused
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from alai.cli.answers import Json
    from alai.cli.options import Given


def until(given: Given) -> float | None:
    """The seconds of --timeout-seconds."""
    return given.whole("timeout-seconds") if given.has("timeout-seconds") else None


def told(given: Given, events: Iterable[Json], line: Callable[[Json], str]) -> int:
    """Tell each at once, as a line of JSON or as `line` puts it, until there were enough or their time is up."""
    wanted, count = given.whole("until-count"), 0
    for event in events:
        tell(answers.json_line(event) if given.has("json") else answers.clean(line(event)))
        sys.stdout.flush()
        count += 1
        if count == wanted:
            return DONE
    if wanted:
        raise Refused(f"Only {count} of {wanted} came within {given.whole('timeout-seconds')} seconds.")
    return DONE
