"""What a background job answers."""


class Idle(str):
    """The sentence of a job that found nothing to do: beat comes every few seconds, and the log would hold little else.

    It is told at DEBUG; metrics count it like any other.
    """

    __slots__ = ()


def told(done: int, sentence: str) -> str:
    """The sentence of a job that did so much."""
    return sentence if done else Idle(sentence)
