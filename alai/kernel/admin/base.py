"""What every admin class here is built from."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.cache import cache
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alai.kernel.admin.lists import List, strange
from alai.kernel.admin.unmoved import Unmoved
from alai.kernel.auth import authenticate
from alai.kernel.errors import Unauthorized
from alai.kernel.principals import Principal

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as UnfoldAdmin
else:
    from unfold.admin import ModelAdmin

    class UnfoldAdmin(ModelAdmin):
        __class_getitem__ = classmethod(lambda cls, model: cls)


class Admin[M: Model](UnfoldAdmin[M]):
    """Unfold's admin. Its forms take back nobody else's change, its lists are narrowed by their filters alone, and
    pop-ups may be framed by the admin itself, which the site's policy forbids otherwise."""

    list_per_page = 50
    list_filter_submit = True
    warn_unsaved_form = True
    change_form_before_template = "admin/opened_with.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[List]:
        return List

    def known_total(self, request: HttpRequest) -> int | None:
        """How many rows the list that is asked for has, where that is known without counting them."""
        return None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> M | None:
        """Who saves a form has the row to themselves, so that of two at once the second sees the first."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not connection.in_atomic_block:
            return found
        self.model._base_manager.select_for_update(no_key=True).filter(pk=found.pk).values_list("pk").first()
        return super().get_object(request, object_id, from_field)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (Unmoved, form), {}) if change else form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Beside a form that was refused stands what is stored, not what was typed."""
        form = context["adminform"].form
        if form.errors and form.instance.pk is not None:
            form.instance.refresh_from_db()
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _framed(request, super().changeform_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._leave_out_what_is_strange(request)
        if ERROR_FLAG in request.GET:
            messages.warning(
                request, "A filter or page of that address makes no sense here: this is the whole list."
            )
        return _framed(request, super().changelist_view(request, *args, **kwargs))

    def _leave_out_what_is_strange(self, request: HttpRequest) -> None:
        left_out = strange(self, request)
        if not left_out:
            return
        kept = request.GET.copy()
        for name in left_out:
            del kept[name]
        request.GET = kept  # type: ignore[assignment]
        named = ", ".join(name[:40] for name in left_out[:5])
        messages.warning(request, f"Left out, as nothing here is narrowed by it: {named}.")


class History[M: Model](Admin[M]):
    """Rows that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def badge(label: object, tone: str) -> SafeString:
    """A state as a word and a colour: danger, warning, success, info, primary or unknown."""
    return format_html('<span class="mc-badge mc-{}">{}</span>', tone, label)


def principal(request: HttpRequest) -> Principal:
    """The signed-in person, as the services know callers."""
    found = authenticate(request)
    if found is None:
        raise Unauthorized("Sign in first.")
    return found


def _framed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if IS_POPUP_VAR in request.GET or IS_POPUP_VAR in request.POST:
        response._csp_replace = {"frame-ancestors": ["'self'"]}  # type: ignore[attr-defined]
    return response


# Walks the index from one value to the next: a million rows cost as many steps as there are values. That a value is
# not empty is said twice, or an index of those alone would not be used.
DISTINCT = """
WITH RECURSIVE steps AS (
    SELECT min({column}) AS value FROM {table} WHERE {column} > ''
    UNION ALL
    SELECT (SELECT min({column}) FROM {table} WHERE {column} > steps.value AND {column} > '')
    FROM steps WHERE steps.value IS NOT NULL)
SELECT value FROM steps WHERE value IS NOT NULL LIMIT 200
"""


def distinct(model: type[Model], column: str, *, chosen: str | None = None) -> list[str]:
    """The values of a text column but the empty one, at most 200, looked up once a minute.

    `chosen` is among them, however new: a list filter that does not know what it was asked for is left out by Django.
    """
    table = model._meta.db_table

    def read() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(DISTINCT.format(column=column, table=table))
            return [value for (value,) in cursor.fetchall()]

    found = list(cache.get_or_set(f"distinct:{table}.{column}", read, 60) or [])
    return sorted([*found, chosen]) if chosen and chosen not in found else found
