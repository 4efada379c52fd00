"""What a token can be limited to: each app tells which of the names it knows, so that a slip of the pen is told."""

from collections.abc import Callable, Sequence

Known = Callable[[Sequence[str]], set[str]]
_known: dict[str, Known] = {}


def register(kind: str, known: Known) -> None:
    """`known` answers those of some names that there are. Call it in `AppConfig.ready`."""
    _known[kind] = known


def remarks(kind: str, names: Sequence[str]) -> list[str]:
    """A sentence for each name of that kind (team, account, host) that nothing bears."""
    strangers = sorted(set(names) - (_known[kind](names) if names else set()))
    return [
        f"No {kind} is called {name} yet: the token can do nothing there until one is." for name in strangers
    ]
