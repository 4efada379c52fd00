"""What a person at a terminal sees of a long backup."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

Step = Callable[[str, int], object]  # what is under way, rows done since the last call


def silent(what: str, rows: int) -> None:
    """For callers that show nothing."""


@contextmanager
def shown() -> Iterator[Step]:
    """A line that counts rows, if somebody watches."""
    if not sys.stderr.isatty():
        yield silent
        return
    with tqdm(unit=" rows", unit_scale=True, file=sys.stderr, leave=False) as bar:

        def step(what: str, rows: int) -> None:
            bar.set_description(what, refresh=False)
            bar.update(rows)

        yield step
