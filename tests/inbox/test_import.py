"""The legacy email-inbox.db: every row comes in, and nothing of it is tasked, pushed or chased again."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from alai.kernel import importing
from alai.kernel.models import Notification
from inbox import services
from inbox.access import SYSTEM
from inbox.models import Account, Content, Decision, Folder, Mail, Message, Sender
from missioncontrol.models import Task
from tests.importing.ledgers import ledger, task
from tests.inbox.mails import eml

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "legacy" / "email-inbox.db"
TABLES = """
CREATE TABLE email_accounts (id INTEGER PRIMARY KEY, address TEXT UNIQUE, host TEXT, port INTEGER, last_checked TEXT,
    enabled INTEGER DEFAULT 1);
CREATE TABLE emails (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT, message_id TEXT, thread_id TEXT,
    from_addr TEXT, from_name TEXT, to_addr TEXT, subject TEXT, body TEXT, snippet TEXT, classification TEXT,
    priority TEXT,
    status TEXT DEFAULT 'new', has_attachments INTEGER, attachments TEXT, received_at TEXT, created_at TEXT,
    answered_at TEXT, mc_task_id INTEGER, partner_tier INTEGER DEFAULT 0, reactor_pushed_at TEXT);
"""
POST = "post@company.example"
CHECKED = "2026-06-30T12:00:00.000Z"


def email(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "account": POST, "message_id": f"<{number}@mail.example>", "thread_id": "t1",
        "from_addr": "Kari@Kunde.example", "from_name": "Kari", "to_addr": POST, "subject": f"Mail {number}",
        "body": "tender parser og blåbær", "classification": "ACTION", "priority": "high", "status": "processed",
        "has_attachments": 0, "received_at": "2026-06-29 10:00:00", "created_at": "2026-06-29T10:00:00.000Z",
        "partner_tier": 0, **columns,
    }  # fmt: skip


def database(folder: Path, *emails: dict[str, Any]) -> Path:
    path = folder / "email-inbox.db"
    with sqlite3.connect(path) as file:
        if not file.execute("SELECT 1 FROM sqlite_master").fetchone():
            file.executescript(TABLES)
            file.execute(
                "INSERT INTO email_accounts VALUES (1, ?, 'imap.example', 993, ?, 1)", [POST, CHECKED]
            )
        for row in emails:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            file.execute(f"INSERT OR REPLACE INTO emails ({names}) VALUES ({marks})", list(row.values()))
    file.close()
    return path


def run(path: Path) -> dict[str, tuple[int, int, int, int, int]]:
    report = importing.run([path])
    assert report.agrees, (report.errors, report.sample.mismatches, report.files)
    return {
        table: (one.source, one.created, one.updated, one.unchanged, one.rejected)
        for table, one in report.files[path.name].items()
        if table != "sqlite_sequence"
    }


def test_every_row_comes_in_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    task = Task.objects.create(pk=77, title="Old")
    path = database(
        tmp_path,
        email(1, status="new"),
        email(2, mc_task_id=77, answered_at="2026-06-29 12:00:00"),
        email(
            3, classification="OWN", from_addr=POST, to_addr="Mia <mia@partner.example>, ola@kunde.example"
        ),
        email(
            4, partner_tier=1, reactor_pushed_at="2026-06-29T10:00:05.000Z", from_addr="mia@partner.example"
        ),
        email(5, classification="nonsense", priority=None, received_at="yesterday", to_addr=None, body=None),
        email(6, account="unknown@company.example"),
        email(7, account=None),
    )
    assert run(path) == {"email_accounts": (1, 1, 0, 0, 0), "emails": (7, 6, 0, 0, 1)}
    assert run(path) == {"email_accounts": (1, 0, 0, 1, 0), "emails": (7, 0, 0, 6, 1)}
    mails = {message.pk: message.mail for message in Message.objects.select_related("mail").order_by("id")}
    assert set(mails) == {1, 2, 3, 4, 5, 6}
    assert {mail.action for mail in mails.values() if mail} == {"imported"}
    first, second, fourth = mails[1], mails[2], mails[4]
    assert first is not None and second is not None and fourth is not None
    assert first.reasons == ["imported_new"] and second.reasons == []
    assert second.task == task and second.verdict == "task" and second.answered_at is not None
    assert fourth.partner_tier == 1 and fourth.reactor_pushed_at is not None
    assert Decision.objects.count() == 6
    assert Content.objects.get(message=1).text == "tender parser og blåbær"
    assert Message.objects.all().matching("blåbær").count() == 5
    assert set(Sender.objects.values_list("address", "sent_count")) == {
        ("mia@partner.example", 1),
        ("ola@kunde.example", 1),
    }
    account = Account.objects.get(address=POST)
    assert account.cutover_at == datetime(2026, 6, 30, 12, tzinfo=UTC)
    assert Account.objects.get(address="unknown@company.example").kind == "feed"


def test_the_same_mail_in_two_old_accounts_is_one_mail(tmp_path: Path) -> None:
    same = {"message_id": "<same@x>", "subject": "Same"}
    path = database(
        tmp_path, email(1, **same), email(2, **same, account="b@company.example"), email(3, **same)
    )
    run(path)
    first, second, third = (Message.objects.get(pk=number).mail_id for number in (1, 2, 3))
    assert first == second != third


def test_old_threads_stay_together(tmp_path: Path) -> None:
    path = database(tmp_path, email(1), email(2), email(3, thread_id="t2"))
    run(path)
    threads = dict(Message.objects.values_list("pk", "mail__thread"))
    assert threads[1] == threads[2] != threads[3]


def test_what_the_old_system_did_since_is_learned_and_ours_stays(tmp_path: Path) -> None:
    path = database(tmp_path, email(1, status="new"), email(2, status="new"))
    run(path)
    services.promote(by=SYSTEM, message_id=2)
    services.mark_answered(by=SYSTEM, message_id=2)
    answered = {"answered_at": "2026-07-01 08:00:00"}
    database(tmp_path, email(1, **answered), email(2, **answered, classification="INFO"))
    assert run(path)["emails"] == (2, 0, 2, 0, 0)
    one, two = (Mail.objects.get(messages=number) for number in (1, 2))
    assert one.answered_at == datetime(2026, 7, 1, 8, tzinfo=UTC) and one.reasons == []
    assert (two.answered_by, two.classification, two.verdict) == ("system", "ACTION", "task")


def test_a_task_that_comes_with_another_file_is_linked_later(tmp_path: Path) -> None:
    path = database(tmp_path, email(1, mc_task_id=500, status="new"))
    run(path)
    assert run(path)["emails"] == (1, 0, 0, 1, 0)
    mail = Mail.objects.get()
    assert (mail.task_id, mail.reasons) == (None, [])  # it had a task: the digest need not ask for it
    task = Task.objects.create(pk=500, title="Late")
    assert run(path)["emails"] == (1, 0, 1, 0, 0)
    assert Mail.objects.get().task == task
    assert run(path)["emails"] == (1, 0, 0, 1, 0)


def test_the_first_synchronisation_triages_no_history(tmp_path: Path) -> None:
    path = database(tmp_path, email(1, partner_tier=1))
    run(path)
    services.add_partner(by=SYSTEM, domain="kunde.example")
    account = Account.objects.get(address=POST)
    folder = Folder.objects.create(account=account, name="INBOX")
    known = eml(sender="Kari <kari@kunde.example>", message_id="<1@mail.example>", subject="Mail 1")
    older = eml(sender="Kari <kari@kunde.example>", message_id="<0@mail.example>", subject="Mail 0")
    fresh = eml(sender="Kari <kari@kunde.example>", message_id="<9@mail.example>", subject="Mail 9")
    before = datetime(2026, 6, 1, tzinfo=UTC)
    for uid, (raw, at) in enumerate([(known, before), (older, before), (fresh, timezone.now())], 1):
        services.store_message(
            account=account,
            raw=raw,
            folder=folder,
            uidvalidity=1,
            uid=uid,
            internal_date=at,
            fetched=True,
            by=SYSTEM,
        )
    services.triage_waiting(seconds=10)
    actions = {
        one.mail.message_id: one.mail.action for one in Message.objects.select_related("mail") if one.mail
    }
    assert actions == {
        "1@mail.example": "imported",
        "0@mail.example": "imported",
        "9@mail.example": "partner_unverified",
    }
    assert Message.objects.get(pk=1).uid == 1  # the imported row has its bytes and its place now
    assert Task.objects.count() == Notification.objects.count() == 1
    assert run(path)["emails"] == (1, 0, 0, 1, 0)


def test_new_rows_without_a_task_go_once_into_the_digest(tmp_path: Path) -> None:
    path = database(
        tmp_path,
        email(1, status="new", subject="Forgotten"),
        email(2),
        email(3, status="new", classification="INFO"),
    )
    run(path)
    now = timezone.now()
    first = services.send_digest(now=now)
    assert first.sent and "Left as new by the old system: 2 mails (1 ACTION, 1 INFO)" in first.text
    assert "Forgotten" in first.text and "Mail 2" not in first.text
    second = services.send_digest(now=now + timedelta(days=1))
    assert second.sent and "Forgotten" not in second.text
    services.escalate()
    assert Notification.objects.count() == 2  # the digests; nobody chases what was there before us


def test_what_the_mail_is_about_comes_first_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    tasks = ledger(tmp_path / "mission-control.db", tasks=[task(77)])
    paths = [database(tmp_path, email(1, mc_task_id=77)), tasks]
    assert importing.run(paths).agrees
    assert Mail.objects.get().task_id == 77
    again = importing.run(paths)
    assert again.files["email-inbox.db"]["emails"].unchanged == 1


def test_an_account_whose_mail_came_first_learns_where_it_is_fetched(tmp_path: Path) -> None:
    path = database(tmp_path, email(1))
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM email_accounts")
    file.close()
    run(path)
    assert (Account.objects.get().kind, Account.objects.get().host) == ("feed", "")
    with sqlite3.connect(path) as file:
        file.execute("INSERT INTO email_accounts VALUES (1, ?, 'imap.example', 143, ?, 0)", [POST, CHECKED])
        file.execute(
            "INSERT INTO email_accounts VALUES (2, ?, 'other.example', 993, NULL, 1)", [f" {POST.upper()}"]
        )
    file.close()
    for _ in range(2):
        assert run(path)["email_accounts"][3:] == (1, 1)
        account = Account.objects.get()
        assert (account.kind, account.host, account.port, account.enabled) == (
            "imap",
            "imap.example",
            143,
            False,
        )
    assert account.legacy["account_row"]["port"] == 143


def test_what_changed_of_a_mail_over_there_is_learned(tmp_path: Path) -> None:
    run(database(tmp_path, email(1), email(2, priority="critical")))
    pushed = "2026-06-29T10:00:05.000Z"
    changed = email(
        1, reactor_pushed_at=pushed, partner_tier=2, body="corrected", message_id="<new@mail.example>"
    )
    run(database(tmp_path, changed))
    mail = Mail.objects.get(messages__subject="Mail 1")
    assert mail.reactor_pushed_at == datetime(2026, 6, 29, 10, 0, 5, tzinfo=UTC)
    assert (mail.partner_tier, mail.message_id) == (2, "new@mail.example")
    assert Content.objects.get(message__mail=mail).text == "corrected"
    assert Mail.objects.get(messages__subject="Mail 2").priority == "high"


def test_what_a_second_account_says_of_the_same_mail_is_kept(tmp_path: Path) -> None:
    Task.objects.create(pk=77, title="Old")
    Task.objects.create(pk=78, title="Other")
    other = email(
        2, account="other@company.example", mc_task_id=78, message_id="<1@mail.example>", subject="Mail 1"
    )
    run(database(tmp_path, email(1, mc_task_id=77), other))
    assert Mail.objects.get().task_id == 77
    assert Message.objects.get(account__address="other@company.example").legacy["mc_task_id"] == 78


@pytest.mark.parametrize(
    "columns",
    [
        {"has_attachments": None},
        {"has_attachments": "yes"},
        {"has_attachments": 2},
        {"created_at": None},
        {"received_at": None},
    ],
)
def test_a_default_of_ours_is_no_difference(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = database(tmp_path, email(1, **columns))
    with sqlite3.connect(path) as file:
        file.execute(
            "UPDATE email_accounts SET address = ?, host = ' imap.example ', port = NULL, last_checked = NULL",
            [POST.title()],
        )
    file.close()
    assert run(path)["emails"][1] == 1


def test_the_sample_of_the_old_system_comes_in_whole() -> None:
    if not SAMPLE.exists():
        pytest.skip(f"there is no sample at {SAMPLE}")
    assert run(SAMPLE) == {"email_accounts": (19, 19, 0, 0, 0), "emails": (9218, 9218, 0, 0, 0)}
    assert run(SAMPLE) == {"email_accounts": (19, 0, 0, 19, 0), "emails": (9218, 0, 0, 9218, 0)}
    assert Mail.objects.filter(reasons__contains=["imported_new"]).count() == 763
