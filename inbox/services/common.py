"""What the inbox's services share."""

from alai.kernel.principals import Principal

SYSTEM = Principal(actor="system", scopes=frozenset({"admin"}))
ADDRESS_LENGTH = 254


def normal(address: str) -> str:
    """An address as it is compared: lower case, without space around it."""
    return address.strip().lower()
