"""What the parser says of a message. Everything here was written by a stranger: hostile until proven otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Address:
    """`name` as shown, decoded; `email` lower case and normalised, empty when it cannot be parsed."""

    name: str = ""
    email: str = ""

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the parser had to work around: a code, and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """`kind` is told by the content, not by the name: pdf, zip, executable, office-macro, html, image ..."""

    filename: str
    content_type: str
    kind: str
    size: int
    sha256: str
    inner: tuple[str, ...] = ()  # names inside an archive, bounded
    traits: tuple[str, ...] = ()  # encrypted, macro, script, form, password, smuggling, redirect, launch


@dataclass(frozen=True, slots=True)
class Link:
    """A link as a reader would follow it, and the text that was shown for it.

    `kind`: a, area, form, refresh, frame, or text where it stands bare in plain text. `image` is true when a
    picture was what there was to click on.
    """

    href: str
    text: str = ""
    kind: str = "a"
    image: bool = False


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """One method of one Authentication-Results header. `position` 0 is the topmost header."""

    authserv_id: str
    method: str  # dkim, spf, dmarc, arc ...
    result: str  # pass, fail, none ...
    domain: str = ""  # header.d, smtp.mailfrom or header.from
    position: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """A message taken apart. Texts hold no NUL and no lone surrogates; every list is bounded."""

    size: int
    content_hash: str  # hex SHA-256 of what makes it the same mail in two accounts (not of transport headers)
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    senders: tuple[Address, ...] = ()  # From; more than one is unusual
    reply_to: tuple[Address, ...] = ()
    return_path: str | None = None  # None: no such header; "" is the null sender <>
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    date: datetime | None = None  # aware; None when unusable
    headers: tuple[tuple[str, str], ...] = ()  # lower-case names, decoded values, in the message's order
    text: str = ""  # what a reader sees
    plain: str = ""  # the text/plain alternative that a reader of HTML does not see
    html: str = ""  # as sent; never shown unsanitised
    hidden_text: str = ""  # in the HTML but not seen by a reader
    links: tuple[Link, ...] = ()
    remote_images: int = 0
    image_links: tuple[str, ...] = ()  # where remote images are fetched from; counting pixels are left out
    image_texts: tuple[str, ...] = ()  # what stands in for images that are not shown
    forms: int = 0
    password_fields: int = 0
    scripts: int = 0
    attachments: tuple[Attachment, ...] = ()
    authentication: tuple[AuthenticationResult, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def sender(self) -> Address:
        """The first From that has an address, else the first, else an empty one."""
        named = (sender for sender in self.senders if sender.email)
        return next(named, self.senders[0] if self.senders else Address())

    def header(self, name: str) -> str:
        """The first header of that lower-case name, or an empty string."""
        return next(self.all_headers(name), "")

    def all_headers(self, name: str) -> Iterator[str]:
        return (value for header, value in self.headers if header == name)

    def has_header(self, name: str) -> bool:
        return any(header == name for header, _ in self.headers)
