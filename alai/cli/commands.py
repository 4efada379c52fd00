"""The commands by name, as text: a module is imported when its command is asked for.

It has either `VERB`, one command, or `SUMMARY` and `VERBS`, a group of them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMANDS = {
    "login": "alai.cli.login",
    "mc": "alai.cli.mc",
    "hive": "alai.cli.hive",
    "heartbeat": "alai.cli.heartbeat",
    "routing": "alai.cli.routing",
    "completion": "alai.cli.completion",
}


def load(name: str) -> Any:
    """`module`, or `module:attribute`."""
    module, _, attribute = name.partition(":")
    __import__(module)
    return getattr(sys.modules[module], attribute) if attribute else sys.modules[module]
