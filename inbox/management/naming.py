"""Accounts as commands name them."""

from collections.abc import Sequence

from django.core.management.base import CommandError

from inbox.access import normal
from inbox.models import Account


def chosen(addresses: Sequence[str]) -> list[Account]:
    """The named IMAP accounts, or all that are switched on. Raises CommandError."""
    accounts = Account.objects.filter(kind=Account.Kind.IMAP)
    if not addresses:
        found = list(accounts.filter(enabled=True).exclude(host=""))
        if not found:
            raise CommandError(
                "No mail account is watched: add one with manage.py watch_mail ADDRESS --host HOST ..."
            )
        return found
    known = {account.address: account for account in accounts.filter(address__in=map(normal, addresses))}
    missing = [address for address in addresses if normal(address) not in known]
    if missing:
        raise CommandError(
            f"There is no mail account {missing[0]}: add it with manage.py watch_mail {missing[0]} ..."
        )
    serverless = [str(account) for account in known.values() if not account.host]
    if serverless:
        raise CommandError(
            f"{serverless[0]} has no server yet: manage.py watch_mail {serverless[0]} --host HOST ..."
        )
    return [known[normal(address)] for address in addresses]
