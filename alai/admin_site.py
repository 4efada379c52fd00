"""The admin's site."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite


class AdminSite(UnfoldAdminSite):
    """Every page's context brings along the list of all rooms, and most pages, with a sidebar of our own, show none
    of it: it is put together for those that do."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        given = super().get_app_list
        return SimpleLazyObject(lambda: given(request, app_label))
