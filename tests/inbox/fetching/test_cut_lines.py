"""However and wherever the line breaks, each message ends up stored exactly once."""

from collections import Counter
from collections.abc import Iterator

import pytest

from inbox.models import Account, Message
from tests.inbox.fetching.conftest import SENT, Mailbox
from tests.inbox.mails import eml
from tests.mailserver.proxy import Proxy, proxy

pytestmark = pytest.mark.django_db
GREETING = 3000  # bytes of TLS, about: a line that breaks earlier never gets to the login


@pytest.fixture
def line(mailbox: Mailbox) -> Iterator[Proxy]:
    with proxy(mailbox.server.port) as one:
        Account.objects.filter(pk=mailbox.account.pk).update(port=one.port)
        yield one


def test_a_line_that_breaks_at_any_byte_costs_no_message_and_doubles_none(
    mailbox: Mailbox, line: Proxy
) -> None:
    expected = [f"mail {number}" for number in range(40)]
    mailbox.deliver(*expected)
    mailbox.deliver("our answer", folder=SENT)
    failed = 0
    for cut in (*range(1, GREETING, 400), *range(GREETING, 40_000, 611)):
        line.cut_after = cut
        failed += mailbox.poll().failed
        stored = Counter(mailbox.subjects())
        assert max(stored.values(), default=0) <= 1 and set(stored) <= set(expected), cut
    assert failed > 10
    line.cut_after = None
    line.cut()
    assert not mailbox.poll().failed
    assert mailbox.subjects() == expected and mailbox.subjects(SENT) == ["our answer"]
    folder = mailbox.folder()
    assert (folder.watermark, folder.backfill) == (40, 0)


def test_each_broken_turn_keeps_what_had_arrived(mailbox: Mailbox, line: Proxy) -> None:
    mailbox.poll()
    line.cut()
    mailbox.server.deliver(
        mailbox.user, *(eml(f"mail {n}", "x" * 3000, message_id=f"<{n}@cut>") for n in range(60))
    )
    line.cut_after = 40_000
    counts = []
    while mailbox.poll().failed:
        counts.append(Message.objects.count())
        assert len(counts) < 20
    assert counts == sorted(set(counts)) and len(counts) > 3, counts
    assert Message.objects.count() == 60


def test_a_turn_that_failed_is_told_and_tried_again_later(mailbox: Mailbox, line: Proxy) -> None:
    line.cut_after = 100
    outcome = mailbox.poll()
    assert outcome.failed and "localhost" in outcome.sentence
    account = mailbox.account
    assert (account.failures, account.trouble) == (1, Account.Trouble.NETWORK)
    assert account.retry_at is not None and account.last_error == outcome.sentence
    mailbox.poll()
    assert mailbox.account.failures == 2
    line.cut_after = None
    assert not mailbox.poll().failed
    assert (mailbox.account.failures, mailbox.account.trouble, mailbox.account.retry_at) == (0, "", None)
