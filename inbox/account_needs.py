"""Mail accounts that need a person, for the home page."""

from datetime import datetime, timedelta

from django.http import HttpRequest

from alai.kernel.needs import NOTHING, SHOWN, Found, Need
from alai.kernel.words import plural
from inbox import accounts
from inbox.accounts import Health, State

PRESSING = (State.NEEDS_YOU, State.LATE)


def broken_accounts(request: HttpRequest) -> Found:
    """Those that no waiting mends, the longest unread first; all of them as one when nobody fetches at all."""
    if not request.user.has_perm("inbox.view_account"):
        return NOTHING
    healths = [one for one in accounts.healths() if one.watched]
    late = [one for one in healths if one.state is State.LATE]
    if late and len(late) == len(healths):
        return Found([_nobody_fetches(late)], 1)
    pressing = sorted((one for one in healths if one.state in PRESSING), key=_unread_for, reverse=True)
    return Found([_need(one) for one in pressing[:SHOWN]], len(pressing), more="mail accounts")


def _need(one: Health) -> Need:
    return Need("Mail", "danger", one.sentence, subject=one.account.address, since=one.account.succeeded_at)


def _nobody_fetches(late: list[Health]) -> Need:
    sentence = "is not fetched: the mail worker does not run, or cannot reach the broker."
    meta = f"{plural(len(late), 'account')} waiting"
    return Need("Mail", "danger", sentence, subject="Mail", meta=meta, since=max(map(_since, late)))


def _since(one: Health) -> datetime:
    return one.account.checked_at or one.account.created_at


def _unread_for(one: Health) -> timedelta:
    return one.lag if one.lag is not None else timedelta.max
