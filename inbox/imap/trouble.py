"""What goes wrong with a mail server, told apart by what has to be done about it."""

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from imap_tools.errors import ImapToolsError, UnexpectedCommandStatusError

LONGEST_QUOTE = 200  # characters of what a server said

# RFC 5530: refused for now, not for good.
FOR_NOW = {"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA"}


class Kind(StrEnum):
    SECRET = "secret"  # we have no password to present  # noqa: S105
    AUTH = "auth"  # the server refuses the password
    CERTIFICATE = "certificate"  # the server cannot prove who it is
    NETWORK = "network"  # not reached, cut off, or silent
    SERVER = "server"  # it answered that it will not or cannot
    PROTOCOL = "protocol"  # it answered nonsense

    @property
    def needs_a_person(self) -> bool:
        """Trying again mends nothing."""
        return self in (Kind.SECRET, Kind.AUTH, Kind.CERTIFICATE)


class MailTrouble(Exception):
    """A failed conversation with a mail server; the text is a sentence for people, without secrets.

    `goes_on`: the server only said no, and the connection can be used further.
    """

    def __init__(self, kind: Kind, sentence: str, *, goes_on: bool = False) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.goes_on = goes_on


class TooMuch(OSError):
    """The server sends more than what it was asked for."""


def quoted(said: object) -> str:
    """What a server said, fit for a sentence: one short line of printable characters."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    text = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST_QUOTE])
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


@contextmanager
def told_apart(host: str, doing: str) -> Iterator[None]:
    """Turn every way in which the libraries fail into a MailTrouble. `doing` completes "while ..."."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error, ImapToolsError, ValueError) as error:
        kind, sentence = _explain(error, host, doing)
        said_no = isinstance(error, imaplib.IMAP4.error | ImapToolsError)
        goes_on = said_no and not isinstance(error, imaplib.IMAP4.abort)
        # The cause's frames hold the password.
        raise MailTrouble(kind, sentence, goes_on=goes_on) from None


def _explain(error: Exception, host: str, doing: str) -> tuple[Kind, str]:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                Kind.CERTIFICATE,
                f"The certificate of {host} is not valid for it: {quoted(error.verify_message)}.",
            )
        case ssl.SSLError() if "WRONG_VERSION_NUMBER" in str(error):
            return Kind.SERVER, f"{host} speaks no TLS on this port: check port and security of the account."
        case ssl.SSLError():
            return Kind.NETWORK, f"TLS with {host} failed while {doing}: {quoted(error.reason or error)}."
        case socket.gaierror():
            return Kind.NETWORK, f"{host} cannot be found: {quoted(error.strerror)}."
        case TooMuch():
            return Kind.PROTOCOL, f"{host} sent more than it was asked for while {doing}."
        case TimeoutError():
            return Kind.NETWORK, f"{host} did not answer in time while {doing}."
        case ConnectionRefusedError():
            return Kind.NETWORK, f"{host} refuses connections on this port."
        case OSError():
            return (
                Kind.NETWORK,
                f"The connection to {host} broke while {doing}: {quoted(error.strerror or error)}.",
            )
        case imaplib.IMAP4.abort() if re.search(r"EOF|socket error|unterminated line", str(error)):
            return Kind.NETWORK, f"{host} closed the connection while {doing}."
        case imaplib.IMAP4.abort():
            return Kind.SERVER, f"{host} ended the conversation while {doing}: {quoted(error)}."
        case UnexpectedCommandStatusError():
            return Kind.SERVER, f"{host} refused while {doing}: {quoted(_last(error.command_result))}."
        case imaplib.IMAP4.error() | ImapToolsError():
            return Kind.SERVER, f"{host} refused while {doing}: {quoted(error)}."
    return Kind.PROTOCOL, f"{host} answered what cannot be understood while {doing}."


def refused_login(host: str, said: object) -> MailTrouble:
    """A NO to the login: for good, unless the server says that it is for now."""
    words = quoted(said)
    code = re.search(r"\[([A-Z-]+)", words)
    for_now = (
        code[1] in FOR_NOW if code else re.search(r"temporar|try again|unavailable", words, re.IGNORECASE)
    )
    if for_now:
        return MailTrouble(Kind.SERVER, f"{host} takes no logins at the moment: {words}.")
    return MailTrouble(Kind.AUTH, f"{host} refuses the login: {words}.")


def _last(result: tuple[object, ...]) -> object:
    """The text of a command's status line."""
    data = result[-1]
    return data[-1] if isinstance(data, list) and data else data
