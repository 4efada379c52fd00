"""How the mail accounts are: for the admin, the home page, /health/ready and /metrics, and what is due."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from alai.kernel import words
from inbox.models import Account

LATE = timedelta(minutes=5)  # beat looks each minute; later than this, it does not
LASTING = timedelta(hours=1)  # a failure that lasts so long does not pass by itself
NEEDS_A_PERSON = (Account.Trouble.SECRET, Account.Trouble.AUTH, Account.Trouble.CERTIFICATE)


class State(StrEnum):
    WELL = "well"
    BEHIND = "behind"  # it works, and has not read everything yet
    NEW = "new"  # not looked into yet
    LATE = "late"  # nobody looks: the mail worker does not run
    FAILING = "failing"  # it will be tried again
    NEEDS_YOU = "needs you"  # trying again mends nothing
    OFF = "off"
    NOT_SET_UP = "not set up"  # imported or half entered: it has no server yet


@dataclass(frozen=True, slots=True)
class Health:
    """One account. `lag` is the time since it was last read successfully, None when it never was."""

    account: Account
    state: State
    sentence: str
    lag: timedelta | None

    @property
    def watched(self) -> bool:
        return self.state not in (State.OFF, State.NOT_SET_UP)

    @property
    def bad(self) -> bool:
        return self.state in (State.FAILING, State.NEEDS_YOU, State.LATE)


def due() -> list[int]:
    """Accounts to look into now. Those that failed come last: they may occupy their threads for long."""
    rested = Q(retry_at=None) | Q(retry_at__lte=Now())
    free = Q(claimed_until=None) | Q(claimed_until__lte=Now())
    rows = Account.objects.filter(rested, free, kind=Account.Kind.IMAP, enabled=True).exclude(host="")
    return list(rows.order_by("failures", F("checked_at").asc(nulls_first=True)).values_list("pk", flat=True))


def healths(now: datetime | None = None) -> list[Health]:
    """Every account that we fetch ourselves."""
    now = now or timezone.now()
    return [health(account, now) for account in Account.objects.filter(kind=Account.Kind.IMAP)]


def health(account: Account, now: datetime) -> Health:
    """The account's state with a sentence about it."""
    lag = now - account.succeeded_at if account.succeeded_at else None
    state = _state(account, now, lag)
    return Health(account, state, _sentence(account, state, now, lag), lag)


def _state(account: Account, now: datetime, lag: timedelta | None) -> State:
    if not account.enabled:
        return State.OFF
    if not account.host:
        return State.NOT_SET_UP
    if account.failures:
        lasting = (lag if lag is not None else now - account.created_at) > LASTING
        return State.NEEDS_YOU if account.trouble in NEEDS_A_PERSON or lasting else State.FAILING
    if now - (account.checked_at or account.created_at) > LATE:
        return State.LATE
    if account.succeeded_at is None:
        return State.NEW
    return State.BEHIND if account.behind else State.WELL


def _sentence(account: Account, state: State, now: datetime, lag: timedelta | None) -> str:
    read = f"Last read {words.duration(lag)} ago" if lag is not None else "Never read yet"
    match state:
        case State.OFF:
            return "Not fetched: it is switched off."
        case State.NOT_SET_UP:
            return "Not fetched: it has no server and password reference yet."
        case State.FAILING | State.NEEDS_YOU:
            again = account.retry_at and max(timedelta(0), account.retry_at - now)
            return f"{account.last_error} {read}" + (
                f", tried again in {words.duration(again)}." if again else "."
            )
        case State.LATE:
            return f"Nobody looks into it: is the mail worker running? {read}."
        case State.BEHIND:
            return f"{read}; {words.plural(account.behind, 'message')} still to fetch."
        case State.NEW:
            return "Not looked into yet."
        case State.WELL:
            return f"{account.last_error} {read}." if account.last_error else f"{read}."


# --- /metrics and /health/ready ---------------------------------------------------------------------

Labels = tuple[str, ...]


def lags() -> dict[Labels, float]:
    """Seconds since each watched account was read; one that never was counts from its creation."""
    now = timezone.now()
    return {
        (one.account.address,): ((one.lag or now - one.account.created_at) / timedelta(seconds=1))
        for one in healths(now)
        if one.watched
    }


def behind() -> dict[Labels, float]:
    return {(one.account.address,): float(one.account.behind) for one in healths() if one.watched}


def failures() -> dict[Labels, float]:
    return {(one.account.address,): float(one.account.failures) for one in healths() if one.watched}


def by_state() -> dict[Labels, float]:
    counts = Counter(one.state for one in healths())
    return {(state.value,): float(counts[state]) for state in State}


def summary() -> str | None:
    """What is amiss, in words without names; empty when all is well, None when no account is watched."""
    watched = [one for one in healths() if one.watched]
    bad = sum(one.bad for one in watched)
    if not watched:
        return None
    return f"{bad} of {words.plural(len(watched), 'mail account')} cannot be read" if bad else ""
