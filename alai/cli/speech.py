"""The two voices of the command: answers on stdout, everything else on stderr."""

import sys

TOKEN = "mct_"  # noqa: S105 - how tokens begin
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


def tell(text: str) -> None:
    print(text)  # noqa: T201 - this is where answers go


def say(sentence: str) -> None:
    """One line, with anything that looks like a token blotted out."""
    if TOKEN in sentence:
        head, *tails = sentence.split(TOKEN)
        sentence = head + "".join(f"{TOKEN}***{tail.lstrip(LETTERS)}" for tail in tails)
    print(sentence.replace("\n", " "), file=sys.stderr, flush=True)  # noqa: T201


def complain(text: str) -> None:
    """Several lines on stderr: help for somebody who named no command."""
    print(text, file=sys.stderr)  # noqa: T201
