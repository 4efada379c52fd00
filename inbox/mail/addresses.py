"""Address fields, read defensively: a shown name and the address a reply would go to."""

import re

from inbox.mail import limits
from inbox.mail.headers import unencoded
from inbox.mail.parsed import Address
from inbox.mail.text import clean

# A quoted string, an angle address, a comment, a separator, or anything up to the next of them.
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|<([^<>]*)>?|\(([^()]*)\)|([,;:])|([^"<(,;:]+|.)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_LOCAL = r"[^\s@<>(),;:\"\[\]\\\x00-\x20\x7f]{1,128}"
_DOMAIN = r"(?:[^\s@<>(),;:\"\[\]\\\x00-\x20\x7f]{1,253}|\[[0-9A-Fa-f.:IPv]{2,60}\])"
_EMAIL = re.compile(rf"(?:{_LOCAL}|\"[^\"\r\n]{{1,100}}\")@{_DOMAIN}\.?")
_LOOSE = re.compile(r"[A-Za-z0-9._%+=&/!#$*?^`{|}~'-]{1,64}@[A-Za-z0-9.-]{1,253}")
_ROUTE = re.compile(r"^@[^:]*:")


def addresses(value: str) -> tuple[Address, ...]:
    """The addresses of a field, group syntax flattened; an unreadable one keeps its text as name.

    `Doe, Ada <ada@example.com>` is one person: a name without an address belongs to the angle address after it.
    """
    found: list[Address] = []
    words: list[str] = []
    before: list[str] = []  # names that wait for their address
    angle: str | None = None
    comment, literal = "", False
    for match in _TOKEN.finditer(_closed(value[: limits.ADDRESS_FIELD])):
        quoted, inside, remark, separator, other = match.groups()
        if separator == ":" and _in_address(words):
            words.append(separator)
        elif separator:
            if separator == ",":
                _add(found, before, words, angle, comment, literal)
            elif separator == ";":
                _add(found, before, words, angle, comment, literal)
                _flush(found, before)
            words, angle, comment, literal = [], None, "", False
            if len(found) >= limits.ADDRESSES:
                return tuple(found)
        elif quoted is not None:
            words.append(_ESCAPED.sub(r"\1", quoted))
            literal = not quoted.endswith("@") and "@" in quoted
        elif inside is not None:
            angle = inside if angle is None or "@" not in angle else angle
        elif remark is not None:
            comment = comment or remark
        else:
            words.append(other)
    _add(found, before, words, angle, comment, literal)
    _flush(found, before)
    return tuple(found)


def _closed(value: str) -> str:
    """Without quotes when one of them is never closed: it would swallow the address."""
    quotes = value.count('"') - value.count('\\"')
    return value.replace('"', " ") if quotes % 2 else value


def _in_address(words: list[str]) -> bool:
    """A colon within `a:b@c` or a domain is no group's."""
    return bool(words) and "@" in words[-1]


def _add(
    found: list[Address], before: list[str], words: list[str], angle: str | None, comment: str, literal: bool
) -> None:
    """One mailbox is read. `literal`: an address in quotes is a name, however much it looks like the sender."""
    shown = " ".join(" ".join(words).split())
    if angle is None:
        email = "" if literal else normalised(shown)
        if shown and not email:
            before.append(shown)
        elif email:
            _flush(found, before)
            found.append(Address(_shown(comment), email))
        return
    email = normalised(_ROUTE.sub("", angle.strip()))
    name = ", ".join([*before[-5:], shown] if shown else before[-5:]) or comment
    before.clear()
    if not email and angle.strip():
        name = f"{name} <{angle.strip()}>".strip()
    if email or name:
        found.append(Address(_shown(name), email))


def _flush(found: list[Address], before: list[str]) -> None:
    """Names that never got an address are kept as they are."""
    found.extend(Address(_shown(name), "") for name in before[: limits.ADDRESSES])
    before.clear()


def _shown(name: str) -> str:
    return clean(" ".join(unencoded(name).split()).strip("'\" "))[:1000]


def anywhere(value: str) -> str:
    """The first thing in a broken field that looks like an address: programs reply to it all the same."""
    for match in _LOOSE.finditer(value[: limits.ADDRESS_FIELD]):
        email = normalised(match.group())
        if email:
            return email
    return ""


def normalised(address: str) -> str:
    """Lower case, the domain as sent but without a trailing dot; empty when it is no address."""
    bare = clean(address.strip().strip("'\""))
    if bare.lower().startswith("mailto:"):
        bare = bare[7:]
    if "@" not in bare or not _EMAIL.fullmatch(bare):
        return ""
    local, _, domain = bare.rpartition("@")
    return f"{local}@{_ascii(domain.rstrip('.'))}".lower()[:320]


def _ascii(domain: str) -> str:
    """An internationalised domain in its ASCII form where it has one, so that it has one spelling."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain
