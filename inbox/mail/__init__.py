"""A raw message becomes a `Parsed` one: pure code, no Django, no network, no exception whatever the bytes."""

from inbox.mail.parse import parse
from inbox.mail.parsed import Address, Attachment, AuthenticationResult, Finding, Link, Parsed

__all__ = ["Address", "Attachment", "AuthenticationResult", "Finding", "Link", "Parsed", "parse"]
