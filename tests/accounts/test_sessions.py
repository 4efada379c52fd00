"""Where somebody is signed in: seen in words, ended at once, last seen at the price of few writes."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alai.kernel.browsers import browser as in_words
from alai.kernel.models import AuditEntry, Session
from alai.kernel.sessions import hash_key
from tests.accounts.conftest import (
    ACCOUNT,
    IPHONE,
    PASSWORD,
    browser,
    give_phone,
    is_in,
    signed_in,
    type_password,
)  # fmt: skip
from tests.cast import BASE, make_task

LIST = "/admin/kernel/session/"


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def end(client: Client, other: Client) -> None:
    client.post(f"/admin/account/sessions/{hash_key(key_of(other))}/end/")


def test_one_sees_where_one_is_signed_in(mia: User) -> None:
    signed_in("mia", client=browser(IPHONE, "198.51.100.7"))
    client = signed_in("mia")
    page = client.get(ACCOUNT).content.decode()
    assert "Firefox on Windows" in page
    assert "Safari on an iPhone" in page
    assert "from 198.51.100.7" in page
    assert page.count("This one") == 1
    assert page.index("This one") < page.index("Safari on an iPhone")
    assert "at 2 places" in page


def test_a_session_ended_elsewhere_is_refused_at_once(mia: User) -> None:
    lost, client = signed_in("mia", client=browser(IPHONE)), signed_in("mia")
    assert lost.get(f"{BASE}/me").status_code == 200
    end(client, lost)
    assert lost.get(f"{BASE}/me").status_code == 401
    assert not is_in(lost)
    assert is_in(client)
    entry = AuditEntry.objects.get(action="sessions-ended")
    assert (entry.actor, entry.target_id, entry.why) == ("mia", str(mia.pk), "ended under My account")


def test_all_others_end_together(mia: User, ole: User) -> None:
    others = [signed_in("mia") for _ in range(3)]
    bystander, client = signed_in("ole"), signed_in("mia")
    client.post("/admin/account/sessions/end-others/")
    assert not any(is_in(other) for other in others)
    assert is_in(client)
    assert is_in(bystander)
    assert "here alone" in client.get(ACCOUNT).content.decode()


def test_nobody_ends_somebody_elses_under_my_account(mia: User, ole: User) -> None:
    theirs, client = signed_in("ole"), signed_in("mia")
    end(client, theirs)
    assert is_in(theirs)


def test_ending_takes_a_post(mia: User) -> None:
    lost, client = signed_in("mia"), signed_in("mia")
    assert client.get(f"/admin/account/sessions/{hash_key(key_of(lost))}/end/").status_code == 405
    assert client.get("/admin/account/sessions/end-others/").status_code == 405
    assert is_in(lost)


def test_signing_out_ends_it(mia: User) -> None:
    client = signed_in("mia")
    stolen = browser()
    stolen.cookies["sessionid"] = key_of(client)
    assert is_in(stolen)
    client.post("/admin/logout/")
    assert not is_in(stolen)
    assert not Session.objects.filter(user=mia).exists()


def test_signing_in_as_somebody_else_leaves_no_session_behind(mia: User, ole: User) -> None:
    client = signed_in("mia")
    assert type_password(client, "ole") == "/admin/"
    assert list(Session.objects.exclude(user=None).values_list("user__username", flat=True)) == ["ole"]


def test_a_new_password_ends_the_others(mia: User) -> None:
    other, client = signed_in("mia"), signed_in("mia")
    new = "quite another password"
    data = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", data).headers["Location"] == ACCOUNT
    assert is_in(client)
    assert not is_in(other)
    page = client.get(ACCOUNT).content.decode()
    assert "here alone" in page
    assert "Firefox on Windows" in page
    assert AuditEntry.objects.get(action="sessions-ended").why == "the password was changed"


def test_a_wrong_old_password_changes_nothing(mia: User) -> None:
    other, client = signed_in("mia"), signed_in("mia")
    data = {"old_password": "x", "new_password1": "quite another", "new_password2": "quite another"}
    assert client.post("/admin/password_change/", data).status_code == 200
    assert is_in(other)


def test_a_password_set_by_an_administrator_ends_all_of_them(mia: User, ole: User) -> None:
    theirs, admin = signed_in("mia"), signed_in("ole")
    new = {
        "password1": "quite another password",
        "password2": "quite another password",
        "usable_password": "true",
    }
    reply = admin.post(reverse("admin:auth_user_password_change", args=[mia.pk]), new)
    assert reply.status_code == 302
    assert not is_in(theirs)
    assert not Session.objects.filter(user=mia).exists()
    assert is_in(admin)


def test_a_password_set_on_the_command_line_does_too(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("mia")
    monkeypatch.setattr("getpass.getpass", lambda **_: "quite another password")
    call_command("changepassword", "mia", verbosity=0)
    assert not is_in(client)
    assert not Session.objects.filter(user=mia).exists()


def test_somebody_who_is_deactivated_is_signed_out_for_good(mia: User, ole: User) -> None:
    theirs, bystander = signed_in("mia"), signed_in("ole")
    mia.is_active = False
    mia.save()
    mia.is_active = True
    mia.save()
    assert not is_in(theirs)
    assert is_in(bystander)


def test_an_administrator_sees_and_ends_those_of_others(mia: User, ole: User) -> None:
    theirs, admin = signed_in("mia", client=browser(IPHONE)), signed_in("ole")
    page = admin.get(LIST).content.decode()
    assert "Safari on an iPhone" in page
    assert page.count("This one") == 1
    data = {"action": "end_selected", "_selected_action": [hash_key(key_of(theirs))]}
    assert "1 session ended" in admin.post(LIST, data, follow=True).content.decode()
    assert not is_in(theirs)
    assert is_in(admin)
    assert AuditEntry.objects.get(action="sessions-ended").actor == "ole"


def test_who_may_only_look_ends_nothing(mia: User, ole: User) -> None:
    mia.user_permissions.set(Permission.objects.filter(codename="view_session"))
    theirs, viewer = signed_in("ole"), signed_in("mia")
    assert viewer.get(LIST).status_code == 200
    viewer.post(LIST, {"action": "end_selected", "_selected_action": [hash_key(key_of(theirs))]})
    assert is_in(theirs)


def test_keys_are_neither_shown_nor_stored(ole: User) -> None:
    client = signed_in("ole")
    detail = reverse("admin:kernel_session_change", args=[hash_key(key_of(client))])
    shown = "".join(client.get(path).content.decode() for path in (ACCOUNT, LIST, detail))
    assert key_of(client) not in shown
    assert Session.objects.get(user=ole).session_data not in shown
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT coalesce(string_agg(to_jsonb(t)::text, ' '), '') FROM \"{table}\" t")
            assert key_of(client) not in cursor.fetchone()[0], table


def test_last_seen_costs_a_write_in_minutes_and_not_one_a_request(mia: User) -> None:
    client = signed_in("mia")
    client.get(ACCOUNT)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(5):
            client.get(ACCOUNT)
    writes = [
        query["sql"] for query in queries if query["sql"].lstrip().startswith(("UPDATE", "INSERT", "DELETE"))
    ]
    assert writes == []
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    moved = browser(address="203.0.113.5")
    moved.cookies["sessionid"] = key_of(client)
    moved.get(ACCOUNT)
    session = Session.objects.get(user=mia)
    assert session.seen_at is not None
    assert timezone.now() - session.seen_at < timedelta(minutes=1)
    assert session.address == "203.0.113.5"


def test_a_page_that_keeps_something_in_the_session_does_not_turn_back_last_seen(ole: User) -> None:
    client = signed_in("ole")
    make_task()  # home then remembers when it was looked at
    long_ago = timezone.now() - timedelta(hours=1)
    Session.objects.update(seen_at=long_ago)
    before = Session.objects.get().session_data
    client.get("/admin/")
    session = Session.objects.get()
    assert session.session_data != before
    assert session.seen_at is not None
    assert session.seen_at > long_ago + timedelta(minutes=59)
    assert session.user == ole


def test_it_costs_a_request_one_query_to_know_the_session_and_its_second_factor(mia: User) -> None:
    phone = give_phone(mia)
    client = signed_in("mia", phone)
    with CaptureQueriesContext(connection) as queries:
        client.get("/nowhere")
    assert sum('FROM "kernel_session"' in query["sql"] for query in queries) == 1
    assert len(queries) == 2  # the session with its authenticator, and the person


def test_an_expired_session_is_neither_listed_nor_let_in(mia: User) -> None:
    old, client = signed_in("mia"), signed_in("mia")
    Session.objects.filter(pk=hash_key(key_of(old))).update(expire_date=timezone.now())
    assert not is_in(old)
    assert "here alone" in client.get(ACCOUNT).content.decode()


def test_odd_user_agents_are_taken_as_they_are(mia: User) -> None:
    client = signed_in("mia", client=browser("x" * 5000 + "<script>"))
    page = client.get(ACCOUNT).content.decode()
    assert "An unknown browser" in page


@pytest.mark.parametrize(
    ("agent", "name", "symbol"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
         "Chrome on Linux", "computer"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0",
         "Edge on Windows", "computer"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15",
         "Safari on a Mac", "computer"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36",
         "Chrome on Android", "smartphone"),
        (IPHONE, "Safari on an iPhone", "smartphone"),
        ("curl/8.5.0", "Curl", "computer"),
        ("", "An unknown browser", "computer"),
    ],
)  # fmt: skip
def test_browsers_are_named_in_words(agent: str, name: str, symbol: str) -> None:
    found = in_words(agent)
    assert (found.name, found.symbol) == (name, symbol)
