"""Fetching and storing mail from a real Dovecot over TLS, against imaplib that fetches the same and discards it."""

import imaplib
import os
import ssl
import time

import psycopg
from django.conf import settings

from inbox.fetching.kept import KEEPER
from inbox.fetching.poll import poll
from inbox.models import Account
from tests.benchmarks import ledger
from tests.benchmarks.measure import Result, ratio, take_turns, told
from tests.mailserver.dovecot import HOST, PASSWORD, Dovecot, dovecot, missing
from tests.mailserver.messages import many

MESSAGES, AT_ONCE, ROUNDS = 10_000, 250, 3
USER = "bench@example.com"


def run(_: list[str]) -> list[Result]:
    if reason := missing():
        print(f"fetch is left out: {reason}")
        return []
    with dovecot() as server, ledger.connect(os.environ["DATABASE_URL"]) as connection:
        raws = list(many(MESSAGES))
        server.deliver(USER, *raws)
        settings.MAIL_CA_FILE = str(server.ca_file)
        os.environ["MAIL_PASSWORD_BENCH"] = PASSWORD
        account = Account.objects.create(
            address=USER, host=HOST, port=server.port, secret_ref="env:MAIL_PASSWORD_BENCH"
        )

        def ours() -> float:
            _forget(connection)
            begin = time.perf_counter()
            new = 0
            while (outcome := poll(account.pk)).more:
                new += outcome.new
            taken = time.perf_counter() - begin
            assert new + outcome.new == MESSAGES, outcome
            KEEPER.close()
            return MESSAGES / taken

        mine, theirs = take_turns(ROUNDS, ours, lambda: _discard(server))
        size = sum(map(len, raws)) / MESSAGES
    return [
        Result(
            "messages fetched and stored a second : imaplib fetching and discarding them",
            ratio(mine, theirs), 0.4,
            f"{told(mine, '/s')} against {told(theirs, '/s')}, {MESSAGES:,} messages of {size / 1000:.0f} kB on "
            f"average over TLS, {ROUNDS} rounds",
        )
    ]  # fmt: skip


def _discard(server: Dovecot) -> float:
    """Messages a second with the standard library alone, so many with each command as we fetch."""
    begin = time.perf_counter()
    context = ssl.create_default_context(cafile=str(server.ca_file))
    client = imaplib.IMAP4_SSL(HOST, server.port, ssl_context=context)
    client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
    client.select("INBOX", readonly=True)
    count = 0
    for first in range(1, MESSAGES + 1, AT_ONCE):
        _, data = client.uid("FETCH", f"{first}:{first + AT_ONCE - 1}", "(BODY.PEEK[])")
        count += sum(isinstance(piece, tuple) for piece in data)
    client.logout()
    assert count == MESSAGES
    return MESSAGES / (time.perf_counter() - begin)


def _forget(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """As if the account had never been read."""
    connection.execute(
        "SET LOCAL alai.retention = 'on'; TRUNCATE inbox_message, inbox_mail, inbox_folder CASCADE"
    )
    connection.execute("UPDATE inbox_account SET cutover_at = NULL, claimed_until = NULL")
