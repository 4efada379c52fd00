"""New mail is stored once, whichever folder it comes to, and the server is left as it was."""

import threading
import time

import pytest
from pytest_django import Settings

from alai.kernel.models import AuditEntry
from inbox.fetching import plans
from inbox.models import Account, Content, Folder, Message
from tests.inbox.fetching.conftest import SENT, Mailbox
from tests.inbox.mails import eml
from tests.mailserver.proxy import proxy

pytestmark = pytest.mark.django_db


def test_new_mail_is_stored_at_the_next_turn(mailbox: Mailbox) -> None:
    assert mailbox.poll().sentence == "nothing new"
    mailbox.deliver("first", "second")
    outcome = mailbox.poll()
    assert (outcome.sentence, outcome.new) == ("2 new messages", 2)
    assert mailbox.subjects() == ["first", "second"]
    assert mailbox.poll().new == 0


def test_a_message_is_kept_with_its_place_and_its_bytes(mailbox: Mailbox) -> None:
    mailbox.poll()
    mailbox.deliver("an offer", at=1_790_000_000)
    mailbox.poll()
    message = Message.objects.get(account=mailbox.account)
    assert message.fetched and not message.outgoing and not message.history
    assert message.folder == mailbox.folder() and message.uid == 1
    assert message.uidvalidity == mailbox.folder().uidvalidity
    assert message.internal_date is not None and message.internal_date.timestamp() == 1_790_000_000
    assert Content.objects.get(message=message).cut_bytes == 0


def test_what_was_sent_is_found_by_its_special_use(mailbox: Mailbox) -> None:
    mailbox.poll()
    mailbox.deliver("our answer", folder=SENT)
    assert mailbox.poll().new == 1
    message = Message.objects.get(account=mailbox.account)
    assert message.outgoing and message.folder is not None and message.folder.role == Folder.Role.SENT


def test_a_named_sent_folder_is_read_instead(mailbox: Mailbox) -> None:
    mailbox.server.manage("mailbox", "create", "-u", mailbox.user, "Utgående/Æøå")
    Account.objects.update(sent_folder="Utgående/Æøå")
    mailbox.account.refresh_from_db()
    assert mailbox.poll().failed is False
    assert set(Folder.objects.values_list("name", "role")) == {("INBOX", "inbox"), ("Utgående/Æøå", "sent")}


def test_a_sent_folder_that_is_gone_costs_the_inbox_nothing(mailbox: Mailbox) -> None:
    Account.objects.update(sent_folder="Nowhere")
    mailbox.poll()
    mailbox.deliver("a lead")
    outcome = mailbox.poll()
    assert outcome.new == 1 and not outcome.failed
    assert "Nowhere" in mailbox.account.last_error and mailbox.account.failures == 0


def test_nothing_is_marked_as_read(mailbox: Mailbox) -> None:
    mailbox.deliver("unread")
    mailbox.poll()
    assert mailbox.subjects() == ["unread"]
    assert not any("\\Seen" in flags for flags in mailbox.server.flags(mailbox.user))


def test_one_connection_is_kept_from_turn_to_turn(mailbox: Mailbox) -> None:
    for subject in ("one", "two", "three"):
        mailbox.deliver(subject)
        assert mailbox.poll().new == 1
    assert mailbox.server.log().count(f"Login: user=<{mailbox.user}>") == 1


def test_a_connection_that_died_between_two_turns_is_opened_anew_without_a_failure(mailbox: Mailbox) -> None:
    mailbox.poll()
    mailbox.server.restart()
    mailbox.deliver("after the restart")
    outcome = mailbox.poll()
    assert (outcome.new, outcome.failed) == (1, False)
    assert mailbox.account.failures == 0


def test_what_was_there_before_is_stored_as_history_the_newest_first(mailbox: Mailbox) -> None:
    mailbox.deliver("old", "older than we are")
    mailbox.deliver("sent long ago", folder=SENT)
    assert mailbox.poll().new == 3
    assert set(Message.objects.values_list("history", flat=True)) == {True}
    assert mailbox.account.cutover_at is not None
    mailbox.deliver("a lead")
    mailbox.poll()
    newest = Message.objects.get(account=mailbox.account, history=False)
    assert newest.uid == 3 and mailbox.subjects() == ["old", "older than we are", "a lead"]


def test_new_mail_does_not_wait_for_history(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "BATCH_MESSAGES", 2)
    mailbox.deliver(*(f"old {number}" for number in range(7)))
    first = mailbox.poll(seconds=0)
    assert first.more and first.behind == 5
    mailbox.deliver("a lead")
    second = mailbox.poll(seconds=0)
    assert second.behind == 3 and "a lead" in mailbox.subjects()
    while mailbox.poll(seconds=0).more:
        pass
    assert mailbox.subjects() == [*(f"old {number}" for number in range(7)), "a lead"]


def test_an_expunged_message_leaves_no_gap_and_no_error(mailbox: Mailbox) -> None:
    mailbox.deliver("one", "two", "three", "four")
    mailbox.server.expunge(mailbox.user, "uid 2:3")
    assert mailbox.poll().new == 2
    assert list(Message.objects.order_by("uid").values_list("uid", flat=True)) == [1, 4]
    mailbox.server.expunge(mailbox.user, "uid 4")
    mailbox.deliver("five")
    assert mailbox.poll().new == 1
    assert mailbox.subjects() == ["one", "four", "five"]


def test_the_same_mail_twice_in_a_folder_is_one_message(mailbox: Mailbox) -> None:
    raw = eml("sent twice")
    mailbox.server.deliver(mailbox.user, raw, raw)
    assert mailbox.poll().new == 1
    started = time.monotonic()
    assert mailbox.poll().new == 0
    assert Message.objects.count() == 1 and time.monotonic() - started < 5


def test_a_turn_without_mail_leaves_no_audit_entry(mailbox: Mailbox) -> None:
    mailbox.deliver("one")
    mailbox.poll()
    before = AuditEntry.objects.count()
    mailbox.poll()
    assert AuditEntry.objects.count() == before
    mailbox.deliver("two", "three")
    mailbox.poll()
    entry = AuditEntry.objects.latest("id")
    assert AuditEntry.objects.count() == before + 1
    assert (entry.action, entry.actor, entry.after["messages"]) == ("mail-stored", "system", 2)  # type: ignore[index]


def test_with_idle_mail_that_comes_meanwhile_is_fetched_in_the_same_turn(
    mailbox: Mailbox, settings: Settings
) -> None:
    mailbox.poll()
    settings.MAIL_IDLE_SECONDS = 4
    timer = threading.Timer(1.0, mailbox.deliver, ["while we listened"])
    timer.start()
    begin = time.monotonic()
    outcome = mailbox.poll()
    timer.join()
    assert outcome.new == 1 and mailbox.subjects() == ["while we listened"]
    assert 3.5 <= time.monotonic() - begin < 14
    assert mailbox.account.claimed_until is None


def test_a_connection_that_is_lost_while_we_listen_is_no_failure(
    mailbox: Mailbox, settings: Settings
) -> None:
    mailbox.poll()
    settings.MAIL_IDLE_SECONDS = 20
    with proxy(mailbox.server.port) as line:
        Account.objects.update(port=line.port)
        threading.Timer(3.0, line.cut).start()
        begin = time.monotonic()
        assert not mailbox.poll().failed
    assert time.monotonic() - begin < 15 and mailbox.account.failures == 0
