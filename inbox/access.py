"""Addresses as they are compared, and which accounts a caller may see."""

from alai.kernel.errors import Forbidden
from alai.kernel.principals import Principal

ADDRESS_LENGTH = 254
SYSTEM = Principal(actor="system", scopes=frozenset({"admin"}))


def normal(address: str) -> str:
    """An address as it is compared: lower case, without space around it."""
    return address.strip().lower()


def accounts_of(by: Principal) -> list[str]:
    """The accounts that the caller's token is limited to; empty means all."""
    return [normal(one) for one in by.accounts]


def require_account(by: Principal, address: str) -> None:
    """403 unless the token covers the account."""
    if by.accounts and address not in accounts_of(by):
        raise Forbidden(
            f"This token is limited to the accounts {', '.join(by.accounts)}.", code="account_not_allowed"
        )
