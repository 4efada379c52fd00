"""What somebody may see and hand out ends where their own permissions end."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from alai.kernel.admin.tokens import new_nonce
from alai.kernel.models import Actor, Token
from tests.admin.conftest import PASSWORD, signed_in
from tests.cast import BASE

pytestmark = pytest.mark.django_db
READS = {
    "/tasks": "tasks:read",
    "/stats": "tasks:read",
    "/inbox/messages": "inbox:read",
    "/inbox/partners": "inbox:read",
    "/infra/sites": "infra:read",
    "/infra/costs": "infra:read",
}
SEEN = {
    "tasks:read": ["view_task"],
    "inbox:read": ["view_message", "view_mail"],
    "infra:read": [f"view_{one}" for one in ("site", "host", "service", "job", "check", "incident", "cost")],
}
CHANGING = {
    "codename__in": ["view_user", "change_user", "view_group", "change_group", "delete_group", "add_group"]
}


def staff(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.mark.parametrize("scope", ["", *SEEN])
def test_the_api_shows_a_session_what_the_admin_shows(scope: str) -> None:
    client = signed_in(staff("ole", *SEEN.get(scope, [])))
    assert client.get(f"{BASE}/me").json()["scopes"] == ([scope] if scope else [])
    for path, opened_by in READS.items():
        assert client.get(BASE + path).status_code == (200 if opened_by == scope else 403), path


def test_seeing_sites_alone_opens_nothing_of_hosts_and_costs() -> None:
    client = signed_in(staff("ole", "view_site"))
    assert client.get(f"{BASE}/infra/costs").status_code == 403


@pytest.mark.parametrize(
    ("scopes", "kind", "made"),
    [
        (["tasks:read", "tasks:write", "hivemind"], "agent", True),
        (["admin"], "agent", False),
        (["infra:write"], "agent", False),
        (["tasks:read"], "person", False),
    ],
)
def test_who_may_make_tokens_hands_out_no_more_than_they_may(
    scopes: list[str], kind: str, made: bool
) -> None:
    actor = Actor.objects.create(name="somebody", kind=kind)
    client = signed_in(staff("keeper", "add_token", "view_token", "view_actor"))
    data = {"actor": actor.pk, "name": "laptop", "scopes": scopes, "once": new_nonce()}
    reply = client.post(reverse("admin:kernel_token_add"), data)
    assert reply.status_code == 200
    assert Token.objects.exists() is made


def test_who_may_change_people_does_not_rise_by_it(ada: Client) -> None:
    ceo = Group.objects.get(name="ceo")
    keeper = staff("keeper")
    keeper.user_permissions.set(Permission.objects.filter(**CHANGING))
    client, own = signed_in(keeper), reverse("admin:auth_user_change", args=[keeper.pk])
    fields = {"username": "keeper", "is_active": "on", "is_staff": "on", "first_name": "K"}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    raised = {"is_superuser": "on", "groups": [str(ceo.pk)], "user_permissions": ["1"]}
    assert client.post(own, {**fields, **dates, **raised}).status_code == 302
    keeper.refresh_from_db()
    assert (keeper.first_name, keeper.is_superuser, keeper.groups.count()) == ("K", False, 0)
    assert keeper.user_permissions.count() == Permission.objects.filter(**CHANGING).count()


def test_who_may_change_people_sets_no_administrators_password(ada: Client) -> None:
    keeper = staff("keeper", "view_user", "change_user")
    boss, colleague = User.objects.get(username="ada"), staff("mia")
    member = staff("ceo-without-all-rights")
    member.groups.add(Group.objects.get(name="ceo"))
    client = signed_in(keeper)
    for other, may in ((boss, False), (member, False), (colleague, True)):
        url = reverse("admin:auth_user_password_change", args=[other.pk])
        given = {"password1": "another long password", "password2": "another long password"}
        assert client.post(url, given).status_code == (302 if may else 403), other
        other.refresh_from_db()
        assert other.check_password("another long password") is may


def test_groups_are_the_superusers_and_ceo_stays(ada: Client) -> None:
    ceo, group = Group.objects.get(name="ceo"), Group.objects.create(name="editors")
    keeper = staff("keeper")
    keeper.user_permissions.set(Permission.objects.filter(**CHANGING))
    change = reverse("admin:auth_group_change", args=[group.pk])
    assert signed_in(keeper).post(change, {"name": "x"}).status_code == 403
    assert ada.post(change, {"name": "writers"}).status_code == 302
    for url, data in (
        (reverse("admin:auth_group_delete", args=[ceo.pk]), {"post": "yes"}),
        (
            reverse("admin:auth_group_changelist"),
            {"action": "delete_selected", "_selected_action": [ceo.pk, group.pk], "post": "yes"},
        ),
    ):
        ada.post(url, data)
        assert Group.objects.filter(name="ceo").exists()
    assert ada.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}).status_code == 302
    assert not Group.objects.filter(pk=group.pk).exists()


@pytest.mark.parametrize("token", ["404", "nonsense", "9" * 30])
@pytest.mark.parametrize("act", ["rotate", "revoke"])
def test_a_token_that_is_not_there_is_404(act: str, token: str, ada: Client) -> None:
    for method in ("get", "post"):
        assert getattr(ada, method)(f"/admin/kernel/token/{token}/{act}/").status_code == 404
