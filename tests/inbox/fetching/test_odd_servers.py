"""Servers with bad habits: each message is stored once all the same, and nothing waits for ever."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from inbox.fetching import poll as turns
from inbox.fetching import reading
from inbox.imap.sockets import Limits
from inbox.models import Account, Content, Message
from inbox.packing import unpack
from tests.inbox.mails import eml
from tests.standins.imap import Habits, ImapStandIn, StandInFolder, imap_stand_in, literal

pytestmark = pytest.mark.django_db
RAWS = [eml(f"mail {number}", message_id=f"<{number}@odd>").replace(b"\n", b"\r\n") for number in range(1, 6)]


@pytest.fixture
def server(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapStandIn]:
    monkeypatch.setenv("MAIL_PASSWORD_TEST", "any")
    with imap_stand_in(tmp_path) as one:
        settings.MAIL_CA_FILE = str(one.ca_file)
        yield one


@pytest.fixture
def account(server: ImapStandIn) -> Account:
    return Account.objects.create(
        address="post@example.com", host="localhost", port=server.port, secret_ref="env:MAIL_PASSWORD_TEST",
        cutover_at=timezone.now(),
    )  # fmt: skip


def poll(account: Account) -> turns.Outcome:
    outcome = turns.poll(account.pk)
    account.refresh_from_db()
    return outcome


def stored() -> dict[int | None, bytes]:
    return {row.uid: unpack(row.content) for row in Message.objects.select_related("content")}


def raws() -> list[bytes]:
    """Of all messages, wherever they lie."""
    return sorted(unpack(row.content) for row in Message.objects.select_related("content"))


def expected(*uids: int) -> dict[int, bytes]:
    return {uid: RAWS[uid - 1] for uid in uids}


@pytest.mark.parametrize(
    "habits",
    [
        Habits(),
        Habits(capabilities="IMAP4rev1"),
        Habits(tells_uid_next=False),
        Habits(tells_uid_next=False, answers_the_last=True),
        Habits(order=lambda uids: sorted(uids, reverse=True)),
        Habits(attributes=lambda attributes: attributes[::-1]),
        Habits(attributes=lambda attributes: [b"FLAGS (\\Seen $x[1])", b"MODSEQ (12)", *attributes]),
        Habits(chatter=b"* 3 FETCH (FLAGS (\\Seen))\r\n* 9 EXISTS\r\n* 2 EXPUNGE\r\n"),
        Habits(chatter=b"* 7 FETCH (UID 70 FLAGS () BODY[] {4}\r\nnone)\r\n"),
        Habits(chatter=b"* OK still here {not a literal\r\n"),
        Habits(body=lambda raw: b"{%d+}\r\n%s" % (len(raw), raw)),
        Habits(size=lambda uid, raw: len(raw) * 9 // 10),
        Habits(size=lambda uid, raw: len(raw) + 700),
        Habits(size=lambda uid, raw: 0),
        Habits(chatter=b"* 1 FETCH (UID 99999999999999999999 RFC822.SIZE 1)\r\n"),
    ],
    ids=lambda habits: ", ".join(
        name for name in vars(habits) if getattr(habits, name) != getattr(Habits(), name)
    ) or "no bad habit",
)  # fmt: skip
def test_each_message_is_stored_once(server: ImapStandIn, account: Account, habits: Habits) -> None:
    server.habits = habits
    server.inbox.add(*RAWS[:3])
    assert not poll(account).failed, account.last_error
    server.inbox.add(*RAWS[3:])
    assert not poll(account).failed, account.last_error
    assert poll(account).new == 0
    assert stored() == expected(1, 2, 3, 4, 5)
    assert set(Content.objects.values_list("cut_bytes", flat=True)) == {0}


def test_a_body_may_come_as_a_quoted_string(server: ImapStandIn, account: Account) -> None:
    server.habits = Habits(body=lambda raw: b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"')
    server.inbox.add(b'Subject: a \\"short\\" one')
    poll(account)
    assert stored() == {1: b'Subject: a \\"short\\" one'}


def test_uids_may_be_thin_on_the_ground(server: ImapStandIn, account: Account) -> None:
    server.inbox.messages = {1: RAWS[0], 5_000_000: RAWS[1], 4_294_967_294: RAWS[2]}
    assert poll(account).new == 3
    server.inbox.messages[4_294_967_295] = RAWS[3]
    assert poll(account).new == 1
    assert len([command for command in server.commands if "RFC822.SIZE" in command]) < 40


def test_a_message_that_shows_up_below_the_watermark_is_found(server: ImapStandIn, account: Account) -> None:
    server.inbox.add(*RAWS[:4])
    server.habits.unseen = {2}
    poll(account)
    assert stored() == expected(1, 3, 4)
    server.habits.unseen = set()
    poll(account)
    assert stored() == expected(1, 2, 3, 4)


def test_uids_that_begin_anew_mean_other_messages(server: ImapStandIn, account: Account) -> None:
    server.inbox.add(*RAWS[:3])
    poll(account)
    server.folders["INBOX"] = StandInFolder({1: RAWS[0], 2: RAWS[3]}, uidvalidity=2)
    poll(account)
    assert raws() == RAWS[:4]


def test_an_old_uidvalidity_that_comes_back_means_nothing(server: ImapStandIn, account: Account) -> None:
    server.inbox.add(*RAWS[:2])
    poll(account)
    server.folders["INBOX"] = StandInFolder({1: RAWS[0]}, uidvalidity=2)
    poll(account)
    server.folders["INBOX"] = StandInFolder({1: RAWS[2], 2: RAWS[3], 3: RAWS[1]}, uidvalidity=1)
    poll(account)
    assert raws() == RAWS[:4]


def test_a_restored_server_that_gives_uids_again_hides_no_mail(server: ImapStandIn, account: Account) -> None:
    server.inbox.add(*RAWS[:4])
    poll(account)
    server.inbox.messages = {1: RAWS[0], 2: RAWS[1]}
    poll(account)
    server.inbox.add(RAWS[4])  # UID 3 again
    poll(account)
    assert stored()[3] == RAWS[4] and raws() == RAWS


def test_a_message_that_cannot_be_handed_out_is_stored_without_its_body(
    server: ImapStandIn, account: Account
) -> None:
    server.inbox.add(*RAWS[:3])
    server.habits.withheld = {2}
    assert not poll(account).failed
    rows = stored()
    assert rows[1] == RAWS[0] and rows[3] == RAWS[2] and rows[2].startswith(reading.MISSING)
    assert Content.objects.get(message__uid=2).cut_bytes > 0


def test_a_message_that_breaks_the_line_stops_no_other_and_ends_as_its_header(
    server: ImapStandIn, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.inbox.add(*RAWS)
    server.habits.breaks_at = {2}
    assert poll(account).failed
    assert poll(account).failed
    assert set(stored()) == {1, 3, 4, 5}, "the others did not wait for it"
    turns_needed = 2
    while poll(account).failed:
        turns_needed += 1
        assert turns_needed < 10
        if turns_needed == reading.HEADER_TRY:
            server.habits.breaks_at = set()
    assert stored()[2] == RAWS[1].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert Content.objects.get(message__uid=2).cut_bytes > 0
    assert poll(account).new == 0 and account.failures == 0


def test_a_message_that_breaks_the_line_for_good_ends_as_a_note(
    server: ImapStandIn, account: Account
) -> None:
    server.inbox.add(*RAWS[:2])
    server.habits.breaks_at = {2}
    for _ in range(reading.EMPTY_TRY + 1):
        poll(account)
    assert stored()[2].startswith(reading.MISSING) and account.failures == 0


def test_more_than_was_asked_for_ends_the_conversation(server: ImapStandIn, account: Account) -> None:
    server.inbox.add(b"Subject: small\r\n\r\n")
    server.habits.body = lambda raw: literal(b"x" * 9_000_000)
    outcome = poll(account)
    assert outcome.failed and "more than it was asked for" in outcome.sentence
    assert account.trouble == Account.Trouble.PROTOCOL


def test_a_server_that_drips_is_given_up_in_time(
    server: ImapStandIn, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "Limits", lambda: Limits(silence=0.5, reply=1.0))
    server.inbox.add(*RAWS[:1])
    server.habits.drip = 0.05
    begin = time.monotonic()
    outcome = poll(account)
    assert outcome.failed and time.monotonic() - begin < 5
    assert account.trouble == Account.Trouble.NETWORK


def test_a_size_beyond_all_measure_is_no_error(server: ImapStandIn, account: Account) -> None:
    server.habits.size = lambda uid, raw: 10**19
    server.inbox.add(*RAWS[:2])
    assert poll(account).new == 2
    assert stored() == expected(1, 2)


def test_a_password_that_login_cannot_carry_is_a_clear_error(
    server: ImapStandIn, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.habits.capabilities = "IMAP4rev1"
    monkeypatch.setenv("MAIL_PASSWORD_TEST", "smørbrød")
    assert "only passwords in ASCII" in poll(account).sentence and account.trouble == "secret"


def test_a_folder_without_uidvalidity_is_a_clear_error(server: ImapStandIn, account: Account) -> None:
    server.habits.tells_uidvalidity = False
    assert "names no UIDVALIDITY for INBOX" in poll(account).sentence


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ("NO [AUTHENTICATIONFAILED] wrong", "auth"),
        ("NO no", "auth"),
        ("NO [EXPIRED] change your password", "auth"),
        ("NO [UNAVAILABLE] later", "server"),
        ("NO Temporary authentication failure", "server"),
        ("BAD what", "auth"),
    ],
)
def test_a_refused_login_is_told_from_one_that_may_work_later(
    server: ImapStandIn, account: Account, answer: str, trouble: str
) -> None:
    server.habits.login = answer
    poll(account)
    assert account.trouble == trouble


def test_a_server_that_takes_no_passwords_is_a_clear_error(server: ImapStandIn, account: Account) -> None:
    server.habits.capabilities = "IMAP4rev1 LOGINDISABLED"
    assert "takes no passwords" in poll(account).sentence
    assert not any("LOGIN " in command for command in server.commands)
