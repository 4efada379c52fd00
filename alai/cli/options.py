"""Verbs as data, and the parser that reads a command line by them.

Help and shell completion come from the same data. The standard `argparse` costs a cold start more than a claim's
whole round trip may take.
"""

from __future__ import annotations

from alai.cli.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BIGGEST = 2**63 - 1


class Option:
    """`--name`: a switch, or with a `metavar` an option that takes a value; `many` may be repeated."""

    __slots__ = ("choices", "help", "many", "metavar", "name", "whole")

    def __init__(
        self,
        name: str,
        help: str,
        metavar: str = "",
        *,
        many: bool = False,
        choices: tuple[str, ...] = (),
        whole: tuple[int, int] | None = None,
    ) -> None:
        self.name = name
        self.help = help
        self.metavar = metavar
        self.many = many
        self.choices = choices
        self.whole = whole


class Argument:
    """A word by position. `whole` is a positive whole number; `rest` takes everything after `--`."""

    __slots__ = ("choices", "help", "name", "rest", "whole")

    def __init__(
        self, name: str, help: str, *, whole: bool = False, rest: bool = False, choices: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.help = help
        self.whole = whole
        self.rest = rest
        self.choices = choices


class Verb:
    """One command. `run` names the function that does it as `module:function`, imported when it is needed."""

    __slots__ = ("arguments", "examples", "name", "notes", "options", "run", "summary")

    def __init__(
        self,
        name: str,
        summary: str,
        run: str,
        *,
        arguments: Sequence[Argument] = (),
        options: Sequence[Option] = (),
        examples: Sequence[str] = (),
        notes: str = "",
    ) -> None:
        self.name = name
        self.summary = summary
        self.run = run
        self.arguments = arguments
        self.options = options
        self.examples = examples
        self.notes = notes


class Given:
    """What the command line said, by the names of the verb's options and arguments."""

    __slots__ = ("rest", "values")

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.rest: list[str] = []

    def has(self, name: str) -> bool:
        return name in self.values

    def many(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def text(self, name: str, default: str = "") -> str:
        return self.values[name][-1] if name in self.values else default

    def whole(self, name: str, default: int = 0) -> int:
        return int(self.values[name][-1]) if name in self.values else default


def parse(verb: Verb, words: Sequence[str], command: str) -> Given:
    """Read the words after the verb; Usage says what is wrong with them."""
    given = Given()
    hint = f"see `{command} --help`"
    options = {option.name: option for option in verb.options}
    places = [argument for argument in verb.arguments if not argument.rest]
    queue = list(reversed(words))
    found: list[str] = []
    while queue:
        word = queue.pop()
        if word == "--":
            given.rest = queue[::-1]
            break
        if not word.startswith("--") or word == "-":
            found.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        option = options.get(name)
        if option is None:
            raise Usage(f"There is no option --{name}; {hint}.")
        if not option.metavar:
            if equals:
                raise Usage(f"--{name} takes no value; {hint}.")
        elif not equals:
            if not queue:
                raise Usage(f"--{name} needs a value: {option.metavar}.")
            value = queue.pop()
        _keep(given, option, value)
    if not any(argument.rest for argument in verb.arguments):
        found += given.rest
        given.rest = []
    if len(found) > len(places):
        raise Usage(f"{command} takes {_count(len(places))}, not {len(found)}; {hint}.")
    for argument, word in zip(places, found, strict=False):
        _check_argument(argument, word)
        given.values[argument.name] = [word]
    missing = [argument.name for argument in verb.arguments[len(found) :] if not argument.rest]
    if missing:
        raise Usage(f"{command} needs {missing[0]}; {hint}.")
    return given


def _keep(given: Given, option: Option, value: str) -> None:
    _check_text(f"--{option.name}", value)
    if option.choices and value not in option.choices:
        raise Usage(f"--{option.name} is one of {', '.join(option.choices)}.")
    if option.whole is not None:
        least, most = option.whole
        if not _is_whole(value) or not least <= int(value) <= most:
            limits = f"of at least {least}" if most == BIGGEST else f"from {least} to {most}"
            raise Usage(f"--{option.name} is a whole number {limits}.")
    if option.many:
        given.values.setdefault(option.name, []).append(value)
    elif given.has(option.name) and option.metavar:
        raise Usage(f"--{option.name} can be given once.")
    else:
        given.values[option.name] = [value]


def _check_argument(argument: Argument, word: str) -> None:
    _check_text(argument.name, word)
    if argument.whole and not (_is_whole(word) and 1 <= int(word) <= BIGGEST):
        raise Usage(f"{argument.name} is a task's number, e.g. 99927.")
    if argument.choices and word not in argument.choices:
        raise Usage(f"{argument.name} is one of {', '.join(argument.choices)}.")


def _check_text(name: str, text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Usage(f"{name} is not UTF-8 text.") from None


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19


def _count(number: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(number, f"{number} arguments")
