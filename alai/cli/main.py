"""The `alai` command: finds the verb, runs it, turns what went wrong into one sentence and an exit code.

Agents and hooks start it constantly, so that each command imports only what it uses.
"""

from __future__ import annotations

import os
import sys

from alai.cli import options
from alai.cli.commands import COMMANDS, load
from alai.cli.errors import DONE, INTERRUPTED, USAGE, CliError, Usage
from alai.cli.speech import complain, say, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

VERSION = "0.1.0"
HELP = ("--help", "-h", "help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 refused, 2 usage, 4 server unreachable."""
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except CliError as error:
        say(error.sentence)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains when it flushes
        return DONE
    return code


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if not words or words[0] in HELP:
        return _help(bool(words))
    if words[0] == "--version":
        tell(f"alai {VERSION}")
        return DONE
    if words[0] not in COMMANDS:
        raise Usage(f"There is no command {_quoted(words[0])}; `alai --help` lists them.")
    module = load(COMMANDS[words[0]])
    if hasattr(module, "VERB"):
        return _run_verb(module.VERB, words[1:], f"alai {words[0]}")
    return _run_group(module, words[0], words[1:])


def _run_group(module: Any, group: str, words: list[str]) -> int:
    if not words or words[0] in HELP:
        return _help(bool(words), group)
    verb = next((verb for verb in module.VERBS if verb.name == words[0]), None)
    if verb is None:
        raise Usage(f"There is no alai {group} {_quoted(words[0])}; `alai {group} --help` lists the verbs.")
    return _run_verb(verb, words[1:], f"alai {group} {verb.name}")


def _run_verb(verb: options.Verb, words: list[str], command: str) -> int:
    own = words[: words.index("--")] if "--" in words else words
    if "--help" in own or "-h" in own:
        tell(load("alai.cli.helptext:of_verb")(verb, command))
        return DONE
    given = options.parse(verb, words, command)
    code: int = load(verb.run)(given)
    return code


def _help(asked: bool, group: str = "") -> int:
    """Asked for, help is the answer; without a command it is the complaint."""
    text = load("alai.cli.helptext:of_group")(group) if group else load("alai.cli.helptext:of_all")()
    (tell if asked else complain)(text)
    return DONE if asked else USAGE


def _quoted(word: str) -> str:
    return repr(word[:40])
