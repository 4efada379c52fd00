"""The registry in the admin: what differs from the file stands there with the way back."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from alai.kernel.models import AuditEntry
from infra import registry
from infra.models import Platform, Site
from tests.admin.conftest import ada, signed_in, vera
from tests.infra.conftest import Folder

__all__ = ["ada", "vera"]


@pytest.fixture
def edited(folder: Folder) -> Site:
    registry.load(folder.path)
    site = Site.objects.get(slug="www.example.com")
    Site.objects.filter(pk=site.pk).update(owner="sales", target=None)
    site.refresh_from_db()
    return site


def test_the_page_counts_and_shows_what_was_edited(edited: Site, ada: Client) -> None:
    page = ada.get(reverse("admin:infra_site_registry")).content.decode()
    assert "2 fields differ from the files." in page
    assert "sites.yaml" in page


def test_only_kinds_that_one_may_see_stand_there(folder: Folder, edited: Site) -> None:
    user = User.objects.create_user("ole", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_platform"))
    assert signed_in(user).get(reverse("admin:infra_site_registry")).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_site"))
    page = signed_in(user).get(reverse("admin:infra_site_registry")).content.decode()
    assert "sites.yaml" in page
    assert "platforms.yaml" not in page and "secrets.yaml" not in page


def test_a_field_takes_the_files_value_again(edited: Site, ada: Client) -> None:
    take = reverse("admin:infra_site_take", args=[edited.pk])
    ada.post(f"{take}?field=owner")
    ada.post(f"{take}?field=target")
    edited.refresh_from_db()
    assert (edited.owner, edited.target) == ("", Platform.objects.get(slug="pages"))
    entry = AuditEntry.objects.filter(target_type="infra_site").latest("id")
    assert (entry.actor, entry.why) == ("ada", "the file's value of target")


def test_who_may_only_look_takes_nothing(edited: Site, vera: Client) -> None:
    take = reverse("admin:infra_site_take", args=[edited.pk])
    assert vera.post(f"{take}?field=owner").status_code == 403
    assert take not in vera.get(reverse("admin:infra_site_registry")).content.decode()


def test_a_field_that_does_not_differ_is_told(edited: Site, ada: Client) -> None:
    page = ada.post(f"{reverse('admin:infra_site_take', args=[edited.pk])}?field=kind", follow=True)
    assert "is what the file says already" in page.content.decode()


def test_a_form_saves_and_the_next_load_keeps_it(edited: Site, folder: Folder, ada: Client) -> None:
    address = reverse("admin:infra_platform_change", args=[Platform.objects.get(slug="vm").pk])
    form = {"name": "The machine", "provider": "", "criteria": "{}", "decision": "", "notes": ""}
    assert ada.post(address, form).status_code == 302
    registry.load(folder.path)
    assert Platform.objects.get(slug="vm").name == "The machine"
    assert "Take the file" in ada.get(address).content.decode()
