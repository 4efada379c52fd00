"""How much a test does that tries things at random or by the thousand: `make soak` asks for more than `make test`."""

import os


def times(count: int) -> int:
    """The count for `make test`, times the variable LENGTH."""
    return count * int(os.environ.get("LENGTH", "1"))
