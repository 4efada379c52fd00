"""Accounts: the one that a feeder names is made when it is unknown."""

from alai.kernel import audit
from alai.kernel.errors import Invalid
from alai.kernel.principals import Principal
from inbox.access import ADDRESS_LENGTH, normal, require_account
from inbox.models import Account
from missioncontrol.services.common import acting_as


def account_for(*, by: Principal, address: str) -> Account:
    """The account of that address; an unknown one becomes a feed.

    403 outside the token's accounts, 422 for what is no address.
    """
    address = normal(address)
    require_account(by, address)
    known = Account.objects.filter(address=address).first()
    if known is not None:
        return known
    name, at, domain = address.rpartition("@")
    if not (name and at and domain) or len(address) > ADDRESS_LENGTH or not address.isprintable():
        raise Invalid(
            f"account: {address[:100]!r} is no mail address.",
            errors=[{"loc": ["query", "account"], "msg": "write an address such as post@example.com"}],
        )
    with acting_as(by), audit.writing(why="first mail for an unknown account"):
        account, _ = Account.objects.get_or_create(address=address, defaults={"kind": Account.Kind.FEED})
        return account
