"""What must never stand in a log: personal data and secrets (handbook "PII in Logs - Masking Strategy").

Every pattern is bounded, so masking takes time in proportion to the text whatever the text is.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from itertools import islice
from math import isfinite
from typing import Any

TOKEN = "[TOKEN_OMITTED]"  # noqa: S105 - the placeholder, not a secret
PHONE = "[PHONE_REDACTED]"
PAYMENT = "[PAYMENT_DATA_OMITTED]"
PERSONAL_ID = "[PERSONAL_ID_OMITTED]"

SHORT = 80
MAX_TEXT = 16_000  # characters of one string
MAX_ITEMS = 100  # of one collection
MAX_DEPTH = 6

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

# --- Secrets ----------------------------------------------------------------------------------------

# `fencing_token` is a counter and `token_id`, `prompt_tokens` are no secrets: they must stay readable.
_SENSITIVE = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|(?<!fencing[_-])token(?!s|[_-]?(?:id|count|prefix|type)\b)"
    r"|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|session[_-]?id|signature)"
)
_VALUE = r"""(?:\\?"[^"\n]{0,4000}|\\?'[^'\n]{0,4000}|[^\s"',;&<>}]{1,4000})"""
_HEADER_VALUE = r"""(?:\\?"[^"\n]{0,4000}|\\?'[^'\n]{0,4000}|[^\n"']{1,4000})"""
_SECRET_KEY = re.compile(rf"{_SENSITIVE}|authorization|cookie", re.IGNORECASE)


def _keep_key(match: re.Match[str]) -> str:
    quote = re.match(r"""\\?["']""", match["value"])
    return f"{match['key']}{quote.group() if quote else ''}{TOKEN}"


_SECRETS: tuple[Rule, ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,9999}(?:-----END [A-Z ]{0,30}-----)?"),
        TOKEN,
    ),
    (
        re.compile(
            rf"""(?P<key>(?:authorization|cookie)\\?["']?\s{{0,3}}[:=]\s{{0,3}})(?P<value>{_HEADER_VALUE})""",
            re.IGNORECASE,
        ),
        _keep_key,
    ),
    (
        re.compile(
            rf"""(?P<key>{_SENSITIVE}[\w-]{{0,30}}\\?["']?\s{{0,3}}[:=]\s{{0,3}})(?P<value>{_VALUE})""",
            re.IGNORECASE,
        ),
        _keep_key,
    ),
    (re.compile(r"""(?<=://)[^\s/?#"']{0,256}@"""), f"{TOKEN}@"),
    (re.compile(r"""(?<=://)[^\s/?#"':]{0,256}:[^\s"']{1,256}@"""), f"{TOKEN}@"),
    (re.compile(r"(?<=hooks\.slack\.com/)[\w/-]{1,200}"), TOKEN),
    (re.compile(r"\b(bearer\s{1,3})(?!tokens?\b|auth)[\w.~+/=-]{1,4000}", re.IGNORECASE), rf"\1{TOKEN}"),
    (
        re.compile(
            r"(?<![A-Za-z0-9])(?:mct_|xox[a-z]-|xapp-|sk-|gh[a-z]_|github_pat_|glpat-|hf_|AKIA|AIza|eyJ[\w-]{8,4000}\.)"
            r"[\w.-]{6,4000}"
        ),
        TOKEN,
    ),
)

# --- Personal data ----------------------------------------------------------------------------------


def _hash_email(match: re.Match[str]) -> str:
    address = match.group().replace("%40", "@").lower()
    return "user:" + hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:8]


_EMAIL = re.compile(
    r"""(?:(?<![\w.+'-])[\w.+'-]{1,128}|"[^"\n@]{1,64}")(?:@|%40)(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}"""
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.])((?:{_OCTET}\.){{3}}){_OCTET}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\d)")


def _cut_ipv6(match: re.Match[str]) -> str:
    text = match.group()
    try:
        IPv6Address(text)
    except AddressValueError:
        return text
    return text[: text.rindex(":") + 1] + "xxx" if text != "::" else text


# A candidate begins like the number of a card scheme (so never like a timestamp of this century).
_CARD = re.compile(
    r"(?<![\w.-])(?:[2-6]\d{11,18}"
    r"|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?"
    r"|3\d{3}([ -])\d{6}\2\d{4,5})(?!\w|-\d)"
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _omit_cards(text: str) -> str:
    """A refused candidate may overlap the real number, so the search goes on one character later."""
    parts, done, start = [], 0, 0
    while match := _CARD.search(text, start):
        start = match.start() + 1
        if luhn(re.sub("[ -]", "", match.group())):
            parts += [text[done : match.start()], PAYMENT]
            done = start = match.end()
    return "".join([*parts, text[done:]])


# Norwegian national identity number: date of birth (or D-number), then five digits of which two check.
_NATIONAL_ID = re.compile(r"(?<![\w.:/+-])[0-7]\d[0145]\d{3} ?\d{5}(?![\w-]|[.:]\d)")
_CHECKS = ((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))


def _omit_national_id(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match.group().replace(" ", "")]
    sums = (sum(a * b for a, b in zip(weights, digits, strict=False)) for weights in _CHECKS)
    return match.group() if any(total % 11 for total in sums) else PERSONAL_ID


_GAP = r"[ ().\-/\u00a0]{0,3}"
_NOT_BEFORE = r"(?<![\w.:/+#-])"
_NOT_AFTER = r"(?![\w-]|[.:]\d)"
# +47 912 34 567, (+387) 61/123-456
_INTERNATIONAL = re.compile(rf"(?<![\w+])\+[1-9](?:{_GAP}\d){{6,14}}(?!\d)")
_PHONES = tuple(
    re.compile(pattern)
    for pattern in (
        # International with 00: 0047 91234567.
        rf"{_NOT_BEFORE}00[1-9](?:{_GAP}\d){{8,14}}{_NOT_AFTER}",
        # Norwegian, grouped: 912 34 567, 22 33 44 55.
        rf"{_NOT_BEFORE}[2-9]\d{{2}} \d{{2}} \d{{3}}{_NOT_AFTER}",
        rf"{_NOT_BEFORE}[2-9]\d(?: \d{{2}}){{3}}{_NOT_AFTER}",
        # Bosnian: 061 123 456, 033/123-456, 061123456.
        rf"{_NOT_BEFORE}0[3-7]\d[ /-]?\d{{3}}[ -]?\d{{3,4}}{_NOT_AFTER}",
    )
)
# Any number that is called one: tlf. 91234567, mobile: 555-0100.
_NAMED_PHONE = re.compile(
    r"((?:phone|mobile?|telefon|tlf|tel|sms|whatsapp)[ .:=\"']{1,4})\+?\d(?:[ -]?\d){5,14}(?!\w)",
    re.IGNORECASE,
)

_DIGIT = re.compile(r"\d")


def mask_text(text: str) -> str:
    """The text without secrets and personal data, at most MAX_TEXT characters."""
    return _mask_short(text) if len(text) <= SHORT else _mask_text(text)


@lru_cache(maxsize=1024)
def _mask_short(text: str) -> str:
    """Methods, routes and names come again with every request."""
    return _mask_text(text)


def _mask_text(text: str) -> str:
    rest = len(text) - MAX_TEXT
    text = text[:MAX_TEXT]
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(_hash_email, text)
    if _DIGIT.search(text):
        text = _mask_numbers(text)
    if "::" in text or text.count(":") > 5:
        text = _IPV6.sub(_cut_ipv6, text)
    return f"{text}... ({rest} more characters)" if rest > 0 else text


def _mask_numbers(text: str) -> str:
    text = _INTERNATIONAL.sub(PHONE, text)  # first: without its + such a number may look like a card's
    text = _omit_cards(text)
    text = _NATIONAL_ID.sub(_omit_national_id, text)
    for pattern in _PHONES:
        text = pattern.sub(PHONE, text)
    text = _NAMED_PHONE.sub(rf"\1{PHONE}", text)
    return _IPV4.sub(r"\1xxx", text)


def is_secret_key(key: str) -> bool:
    """Whether a field of this name is masked whatever its value."""
    return _SECRET_KEY.search(key) is not None


def mask(value: Any, depth: int = 0) -> Any:
    """A copy of `value` that JSON can carry and a log may show; any object is taken, none raises."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, str):
        return mask_text(value)
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        return dict(_fields(value, depth))
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [mask(item, depth + 1) for item in islice(value, MAX_ITEMS)]
    return mask_text(_describe(value))


def mask_field(key: str, value: Any, depth: int = 0) -> Any:
    return TOKEN if is_secret_key(key) and value not in (None, "") else mask(value, depth)


def _fields(value: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, item in islice(value.items(), MAX_ITEMS):
        name = _describe(key)
        yield mask_text(name), mask_field(name, item, depth + 1)


def _describe(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__}: its text raised {type(error).__name__}>"
