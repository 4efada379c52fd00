"""What to fetch in which order, and how far a folder is read when a step is done. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inbox.imap.connection import Overview

BATCH_BYTES = 4 * 1024 * 1024
BATCH_MESSAGES = 500


@dataclass(frozen=True, slots=True)
class Step:
    """Messages that are fetched with one command and stored in one transaction, in which the mark moves to `mark`.

    None: it stays where it is.
    """

    messages: tuple[Overview, ...]
    mark: int | None

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


def set_apart(step: Step, uid: int) -> Iterator[Step]:
    """A message that breaks conversations comes last and alone, so that it stops none of the others."""
    others = tuple(one for one in step.messages if one.uid != uid)
    if others and len(others) < len(step.messages):
        yield Step(others, None)
        yield replace(step, messages=tuple(one for one in step.messages if one.uid == uid))
    else:
        yield step


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
