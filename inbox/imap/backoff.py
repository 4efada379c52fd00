"""When to try an account again after a failure."""

from inbox.imap.trouble import Kind

FIRST, LONGEST = 60.0, 15 * 60.0  # seconds
# A refused login is no passing trouble, and providers lock accounts after a few: seldom, and seldomer.
LOGIN_FIRST, LOGIN_LONGEST = 15 * 60.0, 4 * 3600.0
JITTER = 0.2
DOUBLINGS = 20


def pause(kind: Kind | None, failures: int, chance: float) -> float:
    """Seconds until the next try after so many failures in a row (1 or more); `chance` is drawn from 0..1.

    A missing password is looked for at every turn: that asks no server anything.
    """
    if kind is Kind.SECRET:
        return 0.0
    first, longest = (LOGIN_FIRST, LOGIN_LONGEST) if kind is Kind.AUTH else (FIRST, LONGEST)
    seconds: float = min(longest, first * 2.0 ** min(failures - 1, DOUBLINGS))
    return seconds * (1 - JITTER + 2 * JITTER * chance)
