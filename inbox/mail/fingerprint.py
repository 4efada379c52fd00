"""What makes a message the same in two accounts: who says what, not the way it took."""

import hashlib
from collections.abc import Iterable


def fingerprint(sender: str, subject: str, date: str, contents: Iterable[bytes]) -> str:
    """Hex SHA-256 over sender, subject, date and every part's decoded content, white space aside.

    Received, Delivered-To, To, list and authentication headers and the transfer encoding differ between
    two copies of one mail and do not count; a link's target does, since it is what a forger would change.
    """
    digest = hashlib.sha256()
    for text in (sender, subject, date):
        digest.update(" ".join(text.split()).encode("utf-8", "replace") + b"\0")
    for content in contents:
        digest.update(hashlib.sha256(content.translate(None, b" \t\r\n")).digest())
    return digest.hexdigest()
