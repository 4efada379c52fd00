"""A message over the cap costs no more than the cap, and what is missing is told."""

import pytest
from pytest_django import Settings

from inbox.imap.connection import Connection, Overview
from inbox.models import Content, Message
from inbox.packing import unpack
from tests.inbox.fetching.conftest import Mailbox
from tests.inbox.mails import eml
from tests.mailserver.proxy import proxy

pytestmark = pytest.mark.django_db
CAP = 100_000


@pytest.fixture(autouse=True)
def small_cap(settings: Settings) -> None:
    settings.INBOX_MESSAGE_MAX_BYTES = CAP


def test_it_is_stored_up_to_the_cap_with_the_remainder_noted(mailbox: Mailbox) -> None:
    big = eml("too big", "x" * 70 + "\n" * 5, message_id="<big@x>") + b"y" * 3_000_000
    mailbox.server.deliver(mailbox.user, big)
    mailbox.deliver("small")
    with proxy(mailbox.server.port) as line:
        type(mailbox.account).objects.update(port=line.port)
        assert mailbox.poll().new == 2
        assert line.passed < 2 * CAP, "the rest was not even transferred"
    message = Message.objects.get(uid=1)
    content = Content.objects.get(message=message)
    assert len(unpack(content)) == CAP and unpack(content).startswith(b"From: Mia")
    assert message.size == CAP + content.cut_bytes and message.size > 3_000_000
    assert Content.objects.get(message__uid=2).cut_bytes == 0


def test_sizes_are_known_before_a_body_is_asked_for(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    original = Connection.messages

    def spy(self: Connection, wanted: tuple[Overview, ...]) -> object:
        asked.append([one.size for one in wanted])
        return original(self, wanted)

    monkeypatch.setattr(Connection, "messages", spy)
    mailbox.server.deliver(
        mailbox.user, eml("big", message_id="<b@x>") + b"y" * 300_000, eml(message_id="<s@x>")
    )
    mailbox.poll()
    assert Message.objects.count() == 2 and all(size <= CAP for sizes in asked for size in sizes)


def test_exactly_the_cap_is_whole(mailbox: Mailbox) -> None:
    head = b"Subject: exact\r\n\r\n"
    mailbox.server.deliver(mailbox.user, head + b"z" * (CAP - len(head)))
    mailbox.poll()
    content = Content.objects.get()
    assert content.cut_bytes == 0 and len(unpack(content)) == CAP
