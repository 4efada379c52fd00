"""The commands for mail accounts: watch_mail, check_mail, fetch_mail."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from alai.kernel.models import AuditEntry
from inbox.fetching.poll import poll
from inbox.models import Account, Folder, Message
from tests.inbox.fetching.conftest import Mailbox

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


def test_watch_mail_adds_an_account() -> None:
    said = run(
        "watch_mail", "Post@Example.com", "--host", "imap.example.com", "--secret", "env:MAIL_POST",
        "--authserv", "mx.example.com",
    )  # fmt: skip
    account = Account.objects.get()
    assert "post@example.com is watched from now on" in said
    assert (account.host, account.port, account.security) == ("imap.example.com", 993, "tls")
    assert (account.secret_ref, account.authserv_ids) == ("env:MAIL_POST", ["mx.example.com"])
    assert AuditEntry.objects.filter(target_type="inbox_account", action="insert").exists()


def test_watch_mail_changes_what_is_named_and_tries_again_at_once(mailbox: Mailbox) -> None:
    Account.objects.update(host="nowhere.invalid")
    poll(mailbox.account.pk)
    run("watch_mail", mailbox.user, "--host", "localhost")
    account = Account.objects.get()
    assert account.host == "localhost" and account.port == mailbox.server.port and account.retry_at is None
    run("watch_mail", mailbox.user, "--security", "starttls")
    assert Account.objects.values_list("port", flat=True).get() == 143
    run("watch_mail", mailbox.user, "--off")
    assert not Account.objects.get().enabled


def test_watch_mail_takes_no_password_and_no_nonsense() -> None:
    said = refused("watch_mail", "a@example.com", "--host", "h", "--secret", "hunter2")
    assert "env:NAME" in said and "hunter2" not in said
    assert "needs a host and a secret" in refused("watch_mail", "a@example.com", "--host", "h")
    assert "port" in refused(
        "watch_mail", "a@example.com", "--host", "h", "--secret", "env:X", "--port", "70000"
    )
    assert Account.objects.count() == 0


def test_check_mail_says_what_it_sees_and_stores_nothing(mailbox: Mailbox) -> None:
    mailbox.deliver("one", "two")
    said = run("check_mail", mailbox.user)
    assert "TLSv1." in said and "valid until" in said
    assert "INBOX: 2 messages, UIDVALIDITY" in said and "next UID 3; not read yet" in said
    assert "Sendte elementer: 0 messages" in said and "IDLE" in said
    assert Message.objects.count() == Folder.objects.count() == 0
    mailbox.poll()
    assert "read up to UID 2" in run("check_mail", mailbox.user)


def test_check_mail_fails_with_the_reason(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD_TEST", "wrong horse")
    out = StringIO()
    with pytest.raises(CommandError, match="1 account cannot be read"):
        call_command("check_mail", stdout=out)
    assert "refuses the login" in out.getvalue() and "wrong horse" not in out.getvalue()


def test_fetch_mail_fetches_also_what_waits_after_a_failure(mailbox: Mailbox) -> None:
    mailbox.deliver("a lead")
    Account.objects.update(failures=9, retry_at="2099-01-01T00:00:00Z")
    assert "1 new message" in run("fetch_mail", mailbox.user.upper())
    assert "nothing new" in run("fetch_mail", "--all")


def test_fetch_mail_fails_when_an_account_does(mailbox: Mailbox) -> None:
    Account.objects.update(host="nowhere.invalid")
    assert "1 account could not be fetched" in refused("fetch_mail")


@pytest.mark.parametrize("command", ["check_mail", "fetch_mail"])
def test_an_account_that_is_unknown_or_has_no_server_is_told(command: str) -> None:
    assert "No mail account is watched" in refused(command)
    assert "There is no mail account x@example.com" in refused(command, "x@example.com")
    Account.objects.create(address="x@example.com")
    assert "has no server yet" in refused(command, "x@example.com")
