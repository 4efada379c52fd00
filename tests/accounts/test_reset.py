"""The way back for somebody who lost phone and recovery codes."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse

from alai.kernel.models import Actor, AuditEntry, Authenticator, Notification, RecoveryCode
from tests.accounts.conftest import browser, give_phone, is_in, signed_in, type_password


def url(person: User) -> str:
    return reverse("admin:auth_user_reset_second_factor", args=[person.pk])


def test_an_administrator_resets_another_persons(ole: User, mia: User) -> None:
    phone = give_phone(mia)
    theirs, admin = signed_in("mia", phone), signed_in("ole")
    assert "Reset the two-factor of mia?" in admin.get(url(mia)).content.decode()
    reply = admin.post(url(mia), {"reason": "lost the phone & codes <!channel>"})
    assert reply.status_code == 302
    assert not Authenticator.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not is_in(theirs)
    assert type_password(browser(), "mia") == "/admin/"
    entry = AuditEntry.objects.get(action="two-factor-reset")
    assert (entry.actor, entry.target_type, entry.target_id) == ("ole", "auth_user", str(mia.pk))
    assert entry.why == "lost the phone & codes <!channel>"
    told = Notification.objects.get()
    assert told.recipient == "user:U0MIA"
    assert "reset by ole: lost the phone &amp; codes &lt;!channel&gt;" in told.text


def test_each_reset_is_told(ole: User, mia: User) -> None:
    admin = signed_in("ole")
    for _ in range(2):
        give_phone(mia)
        admin.post(url(mia), {"reason": "lost"})
    assert Notification.objects.count() == 2


def test_without_an_address_nobody_is_told(ole: User, mia: User) -> None:
    Actor.objects.update(recipient="")
    give_phone(mia)
    signed_in("ole").post(url(mia), {"reason": "lost"})
    assert not Authenticator.objects.exists()
    assert not Notification.objects.exists()


def test_it_takes_a_reason(ole: User, mia: User) -> None:
    give_phone(mia)
    admin = signed_in("ole")
    for reason in ("", "   "):
        page = admin.post(url(mia), {"reason": reason}, follow=True).content.decode()
        assert "Say why" in page
    assert Authenticator.objects.exists()


def test_where_there_is_none_nothing_happens(ole: User, mia: User) -> None:
    admin = signed_in("ole")
    assert "nothing to reset" in admin.get(url(mia)).content.decode()
    assert "no second factor to reset" in admin.post(url(mia), {"reason": "x"}, follow=True).content.decode()
    assert not AuditEntry.objects.filter(action="two-factor-reset").exists()


def test_only_administrators_reset(ada: User, mia: User) -> None:
    give_phone(ada)
    client = signed_in("mia")
    assert client.get(url(ada)).status_code == 403
    assert client.post(url(ada), {"reason": "x"}).status_code == 403
    assert Authenticator.objects.exists()


def test_nobody_resets_their_own_that_way(ole: User) -> None:
    phone = give_phone(ole)
    admin = signed_in("ole", phone)
    page = admin.post(url(ole), {"reason": "no code at hand"}, follow=True).content.decode()
    assert "turned off under My account" in page
    assert Authenticator.objects.exists()


def test_the_list_of_people_shows_who_has_it(ole: User, mia: User) -> None:
    give_phone(mia)
    page = signed_in("ole").get(reverse("admin:auth_user_changelist")).content.decode()
    assert page.count(">On</span>") == 1
    assert page.count(">Off</span>") == 1


def test_the_command_is_the_last_administrators_way_in(ole: User) -> None:
    phone = give_phone(ole)
    elsewhere = signed_in("ole", phone)
    out = io.StringIO()
    call_command("reset_two_factor", "ole", "--reason", "phone in the fjord", stdout=out)
    assert out.getvalue() == "ole signs in with the password alone now.\n"
    assert not is_in(elsewhere)
    assert type_password(browser(), "ole") == "/admin/"
    entry = AuditEntry.objects.get(action="two-factor-reset")
    assert (entry.actor, entry.why) == ("system", "phone in the fjord")


@pytest.mark.parametrize(("name", "sentence"), [("nobody", "no person named"), ("ole", "no second factor")])
def test_the_command_explains_what_is_wrong(ole: User, name: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("reset_two_factor", name)
