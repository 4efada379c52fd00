"""Store first: every mail ends as one row, whatever it holds and however often it comes."""

import pytest
from pytest_django import Settings

from alai.kernel.models import AuditEntry
from inbox import services
from inbox.access import SYSTEM
from inbox.models import Account, Content, Folder, Mail, Message
from inbox.packing import unpack
from tests.inbox.mails import ACCOUNT, eml

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return Account.objects.create(address=ACCOUNT)


@pytest.fixture
def inbox(account: Account) -> Folder:
    return Folder.objects.create(account=account, name="INBOX")


def store(account: Account, raw: bytes, **place: object) -> tuple[Message, bool]:
    return services.store_message(account=account, raw=raw, fetched=True, by=SYSTEM, **place)  # type: ignore[arg-type]


def test_a_message_is_kept_as_it_came_and_can_be_read(account: Account) -> None:
    raw = eml()
    message, new = store(account, raw)
    assert new
    assert (message.subject, message.sender) == ("Tender for a web shop", "mia@partner.example")
    assert message.state == Message.State.PARSED
    assert message.mail is not None and message.mail.message_id == "1@partner.example"
    content = Content.objects.get(message=message)
    assert unpack(content) == raw
    assert "web shop" in content.text


def test_the_same_message_twice_changes_nothing(account: Account, inbox: Folder) -> None:
    first, _ = store(account, eml(), folder=inbox, uidvalidity=7, uid=1)
    again, new = store(account, eml(), folder=inbox, uidvalidity=7, uid=1)
    assert not new and again.pk == first.pk
    assert Message.objects.count() == Mail.objects.count() == 1


def test_after_a_change_of_uidvalidity_a_known_message_only_moves(account: Account, inbox: Folder) -> None:
    raw = eml()
    first, _ = store(account, raw, folder=inbox, uidvalidity=7, uid=1)
    again, new = store(account, raw, folder=inbox, uidvalidity=8, uid=21)
    assert not new and again.pk == first.pk
    assert Message.objects.values_list("uidvalidity", "uid").get() == (8, 21)


def test_the_same_mail_by_another_route_is_the_same_message(account: Account) -> None:
    raw = eml()
    first, _ = store(account, raw)
    again, new = store(account, b"Received: from elsewhere by here\r\n" + raw)
    assert not new and again.pk == first.pk
    assert Message.objects.count() == 1


def test_the_same_mail_in_two_accounts_is_one_mail(account: Account) -> None:
    other = Account.objects.create(address="kontakt@company.example")
    raw = eml()
    store(account, raw)
    store(other, b"Received: from elsewhere by here\r\n" + raw)
    assert Message.objects.count() == 2
    assert Mail.objects.count() == 1


def test_one_message_id_with_other_content_is_another_mail(account: Account) -> None:
    store(account, eml(body="First"))
    store(account, eml(body="Second"))
    assert Mail.objects.count() == 2


def test_what_strangers_wrote_is_not_in_the_audit_trail(account: Account) -> None:
    store(account, eml(subject="Quite pomegranate", body="Most pomegranate"))
    trail = str(list(AuditEntry.objects.values("before", "after")))
    assert "pomegranate" not in trail
    assert AuditEntry.objects.filter(action="mail-stored").count() == 1


def test_a_message_beyond_the_limit_is_kept_up_to_it(account: Account, settings: Settings) -> None:
    settings.INBOX_MESSAGE_MAX_BYTES = 1000
    raw = eml(body="x" * 5000)
    message, _ = store(account, raw)
    content = Content.objects.get(message=message)
    assert (len(unpack(content)), content.cut_bytes) == (1000, len(raw) - 1000)
    assert message.size == len(raw)
    assert "cut" in [finding["code"] for finding in message.findings]


def test_a_batch_is_stored_unparsed(account: Account, inbox: Folder) -> None:
    items = [services.Incoming(eml(message_id=f"<{n}@x>"), uid=n) for n in range(1, 51)]
    stored = services.store_many(
        account=account, items=items, folder=inbox, uidvalidity=7, fetched=True, by=SYSTEM
    )
    assert [new for _, new in stored] == [True] * 50
    again = services.store_many(
        account=account, items=items, folder=inbox, uidvalidity=7, fetched=True, by=SYSTEM
    )
    assert again == [(pk, False) for pk, _ in stored]
    assert set(Message.objects.values_list("state", flat=True)) == {Message.State.STORED}


def test_a_message_can_be_found_by_its_words_until_its_content_is_gone(account: Account) -> None:
    message, _ = store(account, eml(subject="Anbud", body="Blåbærsyltetøy"))
    assert list(Message.objects.all().matching("blabærsyltetøy")) == [message]
    Content.objects.all().delete()
    assert list(Message.objects.all().matching("blåbærsyltetøy")) == []
    assert list(Message.objects.all().matching("anbud")) == [message]
