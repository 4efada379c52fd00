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
    """`--name`: a switch, or with a `metavar` an option that takes a value; `many` may be repeated.

    `short` is a letter that names it too: `-n 5` and `-n5`.
    """

    __slots__ = ("choices", "help", "many", "metavar", "name", "short", "whole")

    def __init__(
        self,
        name: str,
        help: str,
        metavar: str = "",
        *,
        many: bool = False,
        choices: tuple[str, ...] = (),
        whole: tuple[int, int] | None = None,
        short: str = "",
    ) -> None:
        self.name = name
        self.help = help
        self.metavar = metavar
        self.many = many
        self.choices = choices
        self.whole = whole
        self.short = short


class Argument:
    """A word by position. `whole` is a positive whole number; `rest` takes everything after `--`.

    The last one may be `optional`, or `many` words, which may also be none.
    """

    __slots__ = ("choices", "help", "many", "name", "optional", "rest", "whole")

    def __init__(
        self,
        name: str,
        help: str,
        *,
        whole: bool = False,
        rest: bool = False,
        optional: bool = False,
        many: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.help = help
        self.whole = whole
        self.rest = rest
        self.optional = optional or many
        self.many = many
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
    options = {f"--{option.name}": option for option in verb.options}
    options |= {f"-{option.short}": option for option in verb.options if option.short}
    queue = list(reversed(words))
    found: list[str] = []
    while queue:
        word = queue.pop()
        if word == "--":
            given.rest = queue[::-1]
            break
        name, value = _apart(word, options)
        option = options.get(name)
        if option is None:
            if word.startswith("--"):
                raise Usage(f"There is no option {name}; {hint}.")
            found.append(word)
            continue
        if not option.metavar:
            if value is not None:
                raise Usage(f"{name} takes no value; {hint}.")
        elif value is None:
            if not queue:
                raise Usage(f"{name} needs a value: {option.metavar}.")
            value = queue.pop()
        _keep(given, option, value or "")
    if not any(argument.rest for argument in verb.arguments):
        found += given.rest
        given.rest = []
    _place(given, verb, found, command, hint)
    return given


def _apart(word: str, options: dict[str, Option]) -> tuple[str, str | None]:
    """An option's name and the value that hangs on it: `--name=value`, `-n5`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    name = word[:2]
    is_value = len(word) > 2 and name in options and options[name].metavar
    return (name, word[2:]) if is_value else (word, None)


def _place(given: Given, verb: Verb, found: list[str], command: str, hint: str) -> None:
    """Put the words that are no options where the verb's arguments want them."""
    places = [argument for argument in verb.arguments if not argument.rest]
    if len(found) > len(places) and not (places and places[-1].many):
        raise Usage(f"{command} takes {_count(len(places))}, not {len(found)}; {hint}.")
    for argument, word in zip(places, found, strict=False):
        taken = found[len(places) - 1 :] if argument.many else [word]
        for one in taken:
            _check_argument(argument, one)
        given.values[argument.name] = taken
    missing = [argument.name for argument in places[len(found) :] if not argument.optional]
    if missing:
        raise Usage(f"{command} needs {missing[0]}; {hint}.")


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
