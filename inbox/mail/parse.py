"""`parse`: the one door. Raw bytes in, a `Parsed` out, whatever the bytes."""

import hashlib
import re

from inbox.mail import addresses, authentication, headers, html, limits, mime
from inbox.mail.fingerprint import fingerprint
from inbox.mail.kinds import nature
from inbox.mail.parsed import Address, Attachment, Finding, Link, Parsed
from inbox.mail.text import clean, decode

_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'\u201c\u201d]{3,2000}", re.IGNORECASE)
_ANGLE = re.compile(r"<(https?://[^<>]{3,2000})>", re.IGNORECASE)
_TAIL = ".,;:!?)]}*_>\u201d\u2019'\""
_SINGLE = ("from", "subject", "date", "message-id", "reply-to", "to")


def parse(raw: bytes) -> Parsed:
    """Take a message apart. Never fails; whatever had to be worked around is in `findings`.

    Time and memory are bounded by `inbox.mail.limits`; what lies beyond them is not looked at.
    """
    size = len(raw)
    raw = _lines(raw[: limits.BYTES])
    top = headers.split(raw, 0, len(raw))
    found = mime.walk(raw, top)
    if size > limits.BYTES:
        found.note("too_large", f"Only the first {limits.BYTES:,} of {size:,} bytes are looked at.")
    for code in top.odd:
        found.note(code, "The header block is broken or beyond every measure.")
    body = _Body()
    for part in found.parts:
        body.take(part, found)
    return _assemble(size, top, found, body)


def _lines(raw: bytes) -> bytes:
    """With one kind of line break, and without the blank lines and the UTF-8 mark that some put first."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n") if b"\n" in raw else raw.replace(b"\r", b"\n")
    return raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\n")


def _assemble(size: int, top: headers.Fields, found: mime.Walk, body: "_Body") -> Parsed:
    decoded = tuple((name, headers.text(value)) for name, value in top.fields)
    by_name: dict[str, str] = {}
    for name, value in decoded:
        if name in by_name and name in _SINGLE:
            found.note(
                "duplicate_" + name.replace("-", "_"),
                f"There is more than one {name} field; the first counts.",
            )
        by_name.setdefault(name, value)
    get = by_name.get
    senders = _senders(top, found)
    date = headers.date(get("date", ""))
    if date is None:
        found.note("date_unusable", "The Date is missing or no date.")
    subject = get("subject", "")[:2000]
    return Parsed(
        size=size,
        content_hash=fingerprint(get("from", ""), subject, get("date", ""), body.contents),
        message_id=headers.message_id(get("message-id", "")),
        in_reply_to=headers.message_id(get("in-reply-to", "")),
        references=headers.message_ids(get("references", "")),
        senders=senders,
        reply_to=_of(top, "reply-to"),
        return_path=_return_path(get("return-path")),
        to=_of(top, "to"),
        cc=_of(top, "cc"),
        subject=subject,
        date=date,
        headers=decoded,
        text=body.text[: limits.TEXT],
        plain="\n".join(body.alternatives)[: limits.TEXT],
        html="\n".join(body.markup)[: limits.HTML],
        hidden_text="\n".join(body.hidden)[: limits.TEXT],
        links=tuple(body.links[: limits.LINKS]),
        remote_images=len(body.image_links),
        image_links=tuple(body.image_links[: limits.IMAGES]),
        image_texts=tuple(body.image_texts[: limits.IMAGES]),
        forms=body.forms,
        password_fields=body.password_fields,
        scripts=body.scripts,
        attachments=tuple(body.attachments),
        authentication=authentication.results(
            decode(value)[0] for name, value in top.fields if name == "authentication-results"
        ),
        findings=tuple(Finding(code, detail) for code, detail in found.findings.items()),
    )


def _of(top: headers.Fields, name: str) -> tuple[Address, ...]:
    return addresses.addresses(top.first(name))


def _senders(top: headers.Fields, found: mime.Walk) -> tuple[Address, ...]:
    value = top.first("from")
    senders = addresses.addresses(value)
    emails = {sender.email for sender in senders if sender.email}
    if not value.strip():
        found.note("from_missing", "There is no From.")
    elif not emails:
        found.note("from_unparsable", "The From holds no readable address.")
        email = addresses.anywhere(headers.unencoded(value))
        senders = (Address(senders[0].name if senders else "", email),) if email else senders
    elif len(emails) > 1:
        found.note("from_several", "The From names several senders.")
    return senders


def _return_path(value: str | None) -> str | None:
    if value is None:
        return None
    bare = value.strip()
    return "" if bare in ("", "<>") else addresses.normalised(bare.strip("<>")) or bare[:320]


class _Body:
    """Collects what the parts hold."""

    def __init__(self) -> None:
        self.texts: list[tuple[int, int, str, bool]] = []  # group of alternatives, index, text, of HTML
        self.hidden: list[str] = []
        self.markup: list[str] = []
        self.links: list[Link] = []
        self.image_links: list[str] = []
        self.image_texts: list[str] = []
        self.attachments: list[Attachment] = []
        self.contents: list[bytes] = []
        self.forms = self.password_fields = self.scripts = 0

    def take(self, part: mime.Part, found: mime.Walk) -> None:
        content, honest = part.content
        if not honest:
            found.note("encoding_false", "A transfer encoding is unknown or not what it says.")
        self.contents.append(content)
        if not _is_body(part):
            self._attach(part, content, found)
            return
        text, true = decode(content[: limits.HTML * 4], part.parameters.get("charset", ""))
        if not true and "charset" in part.parameters:
            found.note("charset_false", "A text is not in the charset that it claims.")
        if part.content_type in ("text/html", "application/xhtml+xml"):
            self._html(part, text, found)
        else:
            self.texts.append((part.group, part.index, text[: limits.TEXT], False))

    def _html(self, part: mime.Part, text: str, found: mime.Walk) -> None:
        page = html.read(text)
        if page.truncated:
            found.note("html_too_large", "The HTML is beyond every measure: its rest is not looked at.")
        self.texts.append((part.group, part.index, page.text, True))
        self.markup.append(text[: limits.HTML])
        self.hidden += [page.hidden] if page.hidden else []
        self.links += page.links
        self.image_links += page.image_links
        self.image_texts += page.image_texts
        self.forms += page.forms
        self.password_fields += page.password_fields
        self.scripts += page.scripts

    def _attach(self, part: mime.Part, content: bytes, found: mime.Walk) -> None:
        if len(self.attachments) >= limits.ATTACHMENTS:
            found.note("attachments_too_many", f"Only {limits.ATTACHMENTS} attachments are looked at.")
            return
        filename = clean(" ".join(part.filename.split()))[: limits.FILENAME]
        told = nature(content, part.content_type, filename)
        inner = told.inner
        if told.kind == "mail":
            inner = (headers.text(headers.split(_lines(content), 0, len(content)).first("subject").encode()),)
        self.attachments.append(
            Attachment(
                filename, part.content_type, told.kind, len(content), hashlib.sha256(content).hexdigest(), inner,
                told.traits,
            )
        )  # fmt: skip

    @property
    def _preferred(self) -> set[int]:
        """Groups of alternatives in which there is HTML: its readers do not see the plain text."""
        return {group for group, _, _, of_html in self.texts if of_html and group}

    @property
    def text(self) -> str:
        preferred = self._preferred
        shown = [text for group, _, text, of_html in self.texts if of_html or group not in preferred]
        if not self.links:
            self.links = [link for text in shown for link in bare_links(text)]
        return "\n".join(text for text in shown if text)

    @property
    def alternatives(self) -> list[str]:
        preferred = self._preferred
        return [text for group, _, text, of_html in self.texts if not of_html and group in preferred]


def _is_body(part: mime.Part) -> bool:
    """Whether a mail program shows the part as the message's text rather than beside it."""
    if part.content_type not in ("text/plain", "text/html", "text/enriched", "application/xhtml+xml", "text"):
        return False
    if not part.container or part.container == "alternative":
        return True
    return part.disposition[0] != "attachment" and not part.filename


def bare_links(text: str) -> list[Link]:
    """Addresses that stand in plain text, as mail programs make them clickable."""
    found = [match.group(1) for match in _ANGLE.finditer(text)]
    rest = _ANGLE.sub(" ", text) if found else text
    for match in _URL.finditer(rest):
        found.append(match.group().rstrip(_TAIL))
        if len(found) >= limits.LINKS:
            break
    links = dict.fromkeys(found)
    return [Link(url if "://" in url[:9] else "http://" + url, url, "text") for url in links][: limits.LINKS]
