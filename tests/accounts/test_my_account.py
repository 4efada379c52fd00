"""My account: one page that gathers what is a person's own."""

from django.contrib.auth.models import User

from alai.kernel.models import Actor, AuditEntry
from tests.accounts.conftest import ACCOUNT, browser, give_phone, signed_in


def test_it_is_reached_from_the_menu_and_gathers_everything(mia: User) -> None:
    client = signed_in("mia", give_phone(mia))
    assert f'href="{ACCOUNT}"' in client.get("/admin/").content.decode()
    page = client.get(ACCOUNT).content.decode()
    for part in (
        "Two-factor is on",
        "10 recovery codes",
        "Where you are signed in",
        "Tokens",
        "Password",
        "Tell me at",
    ):
        assert part in page


def test_it_is_closed_to_who_is_not_signed_in(db: None) -> None:
    for path in ("", "two-factor/", "tokens/", "tokens/new/"):
        assert browser().get(ACCOUNT + path).headers["Location"].startswith("/admin/login/")


def test_names_are_changed_and_audited(mia: User) -> None:
    client = signed_in("mia")
    client.post(f"{ACCOUNT}name/", {"first_name": "Maria", "last_name": "Example", "recipient": "user:U0NEW"})
    mia.refresh_from_db()
    assert mia.get_full_name() == "Maria Example"
    assert Actor.objects.get(user=mia).recipient == "user:U0NEW"
    entry = AuditEntry.objects.filter(target_type="auth_user", action="update").latest("id")
    assert (entry.actor, entry.before) == ("mia", {"first_name": "Mia", "last_name": ""})


def test_an_address_that_is_none_is_explained(mia: User) -> None:
    client = signed_in("mia")
    for address in ("mia@example.com", "user:", "user:u0mia", "default", "x" * 200):
        page = client.post(f"{ACCOUNT}name/", {"recipient": address})
        assert page.status_code == 200
        assert "user:U012ABCDEF" in page.content.decode()
    assert Actor.objects.get(user=mia).recipient == "user:U0MIA"


def test_a_person_without_an_actor_gets_one_with_the_address(ole: User) -> None:
    signed_in("ole").post(f"{ACCOUNT}name/", {"recipient": "user:U0OLE"})
    actor = Actor.objects.get(user=ole)
    assert (actor.name, actor.kind, actor.recipient) == ("ole", "person", "user:U0OLE")


def test_an_actor_that_is_somebody_elses_is_not_taken(ole: User) -> None:
    Actor.objects.create(name="ole", kind="agent")
    page = signed_in("ole").post(f"{ACCOUNT}name/", {"recipient": "user:U0OLE"}, follow=True).content.decode()
    assert "an administrator links it" in page
    assert Actor.objects.get(name="ole").user is None


def test_the_palette_finds_it(mia: User) -> None:
    client = signed_in("mia")
    assert ACCOUNT in client.get("/admin/search/?s=my+acc").content.decode()
