"""The list of all rooms, which Django puts together for every page, is there where it is shown."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.admin.conftest import ada

__all__ = ["ada"]


def test_it_is_put_together_for_pages_that_show_it_alone(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    site, build = type(admin.site._wrapped), admin.site._build_app_dict  # type: ignore[attr-defined]

    def noted(_: object, *given: Any) -> object:
        asked.append(given)
        return build(*given)

    monkeypatch.setattr(site, "_build_app_dict", noted)
    assert ada.get(reverse("admin:infra_incident_board")).status_code == 200
    assert asked == []
    rooms = ada.get(reverse("admin:app_list", args=["infra"])).content.decode()
    assert asked
    assert reverse("admin:infra_check_changelist") in rooms
