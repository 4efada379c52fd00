"""What to fetch in which order, and how far a folder is read when a step is done. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inbox.imap.connection import Overview

BATCH_BYTES = 4 * 1024 * 1024
BATCH_MESSAGES = 250


@dataclass(frozen=True, slots=True)
class Step:
    """Messages that are fetched with one command and stored in one transaction; then the mark moves to `mark`."""

    messages: tuple[Overview, ...]
    mark: int

    @property
    def size(self) -> int:
        return sum(one.size for one in self.messages)


def upwards(wanted: Sequence[Overview], last: int, cap: int) -> Iterator[Step]:
    """New mail, the oldest first. `wanted` ascends; `mark` is the UID up to which all is stored, `last` in the end."""
    batches = list(_batches(wanted, cap)) or [[]]
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        yield Step(tuple(batch), following[0].uid - 1 if following else last)


def downwards(wanted: Sequence[Overview], first: int, cap: int) -> Iterator[Step]:
    """What was there before, the newest first: it is wanted most. `mark` is the UID above which all is stored."""
    batches = list(_batches(wanted[::-1], cap)) or [[]]
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        yield Step(tuple(reversed(batch)), following[0].uid if following else first - 1)


def _batches(wanted: Sequence[Overview], cap: int) -> Iterator[list[Overview]]:
    """In order; what is larger than `cap` goes alone."""
    batch: list[Overview] = []
    size = 0
    for one in wanted:
        full = size + one.size > BATCH_BYTES or len(batch) == BATCH_MESSAGES
        if batch and (full or one.size > cap or batch[-1].size > cap):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch
