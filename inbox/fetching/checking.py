"""What a mail server says of an account, in words; nothing is stored, nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from alai.kernel.words import plural
from inbox.fetching.poll import NO_SENT_FOLDER, server_of
from inbox.imap.connection import Connection, Opened
from inbox.imap.folders import INBOX, sent_folder
from inbox.imap.trouble import MailTrouble
from inbox.models import Account, Folder

OF_INTEREST = ("IDLE", "SPECIAL-USE", "CONDSTORE", "UIDPLUS", "LITERAL+")


@dataclass(frozen=True, slots=True)
class Line:
    """One finding: a word, and what it is about."""

    word: str
    sentence: str
    bad: bool = False


def check(account: Account) -> Iterator[Line]:
    """Look into an account as a turn would; the last line is bad when something failed."""
    try:
        connection = Connection(server_of(account)).connect()
    except MailTrouble as trouble:
        yield Line(str(trouble.kind), trouble.sentence, bad=True)
        return
    try:
        yield from _looked_into(connection, account)
    except MailTrouble as trouble:
        yield Line(str(trouble.kind), trouble.sentence, bad=True)
    finally:
        connection.close()


def _looked_into(connection: Connection, account: Account) -> Iterator[Line]:
    yield Line("login", f"as {connection.server.username}, with the password from {account.secret_ref}")
    protocol, cipher, until = connection.tls()
    yield Line("TLS", f"{protocol}, {cipher}; the certificate is valid until {until}")
    offers = [name for name in OF_INTEREST if name in connection.capabilities]
    yield Line("offers", ", ".join(offers) or "nothing beyond IMAP4rev1")
    folders = connection.folders()
    yield Line("folders", f"{len(folders)}: {', '.join(folder.name for folder in folders)}"[:1000])
    yield Line("inbox", _folder(account, INBOX, connection.open(INBOX)))
    sent = account.sent_folder or sent_folder(folders)
    if sent:
        yield Line("sent", _folder(account, sent, connection.open(sent)))
    else:
        yield Line("sent", NO_SENT_FOLDER, bad=True)


def _folder(account: Account, name: str, said: Opened) -> str:
    held = f"{name}: {plural(said.exists, 'message')}, UIDVALIDITY {said.uid_validity}"
    following = f", next UID {said.uid_next}" if said.uid_next else ""
    return f"{held}{following}; {_progress(Folder.objects.filter(account=account, name=name).first(), said)}"


def _progress(folder: Folder | None, said: Opened) -> str:
    if folder is None or folder.uidvalidity is None:
        return "not read yet"
    if folder.uidvalidity != said.uid_validity:
        return f"read under UIDVALIDITY {folder.uidvalidity}, and will be read from the start"
    older = f", and what lies below {folder.backfill + 1} is still to be read" if folder.backfill else ""
    return f"read up to UID {folder.watermark}{older}"
