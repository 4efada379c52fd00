"""When a server's UIDs mean something else, nothing is doubled and nothing is lost."""

import pytest

from inbox.fetching import plans
from inbox.models import Message
from tests.inbox.fetching.conftest import SENT, Mailbox

pytestmark = pytest.mark.django_db


def test_known_messages_move_and_those_that_came_meanwhile_are_found(mailbox: Mailbox) -> None:
    mailbox.deliver("one", "two")
    mailbox.poll()
    mailbox.server.new_validity(mailbox.user, 4711)
    mailbox.deliver("came meanwhile")
    assert mailbox.poll().new == 1
    assert sorted(mailbox.subjects()) == ["came meanwhile", "one", "two"]
    rows = Message.objects.filter(account=mailbox.account)
    assert set(rows.values_list("uidvalidity", flat=True)) == {4711}
    assert list(rows.filter(history=False).values_list("uid", flat=True)) == [3]
    assert mailbox.poll().new == 0


def test_a_change_in_the_middle_of_the_first_sync_starts_it_again_as_history(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "BATCH_MESSAGES", 2)
    mailbox.deliver(*(f"old {number}" for number in range(6)))
    mailbox.poll(seconds=0)
    mailbox.server.new_validity(mailbox.user, 4712)
    mailbox.poll()
    assert sorted(mailbox.subjects()) == [f"old {number}" for number in range(6)]
    assert set(Message.objects.values_list("history", flat=True)) == {True}


def test_each_folder_has_its_own(mailbox: Mailbox) -> None:
    mailbox.deliver("a lead")
    mailbox.deliver("an answer", folder=SENT)
    mailbox.poll()
    mailbox.server.new_validity(mailbox.user, 4713, folder=SENT)
    assert mailbox.poll().new == 0
    assert (mailbox.subjects(), mailbox.subjects(SENT)) == (["a lead"], ["an answer"])
    assert mailbox.folder(SENT).uidvalidity == 4713 != mailbox.folder().uidvalidity


def test_many_changes_in_a_row_leave_each_message_once(mailbox: Mailbox) -> None:
    for number in range(1, 6):
        mailbox.deliver(f"mail {number}")
        mailbox.server.new_validity(mailbox.user, 5000 + number)
        mailbox.poll()
    assert sorted(mailbox.subjects()) == [f"mail {number}" for number in range(1, 6)]
