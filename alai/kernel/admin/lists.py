"""Lists of any length: a page reads what it shows and one row more, and nothing is counted that is not known.

Where the newest stand first, the links lead on from the last row (`?p=b1234` is before row 1234, `?p=a1234` after it),
so that a page far back costs as much as the first, and new rows shift nothing. Elsewhere pages have numbers.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin.filters import SimpleListFilter
from django.contrib.admin.options import (
    IS_FACETS_VAR,
    IS_POPUP_VAR,
    TO_FIELD_VAR,
    IncorrectLookupParameters,
)
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.views import ChangeList

KEY = re.compile(r"([ab])(\d{1,18})")
DEEPEST = 10_000  # rows that a numbered page may skip: beyond, one narrows the list
COUNTED = 1_000  # of a whole list; of a narrowed one the page alone is counted
NEWEST_FIRST = {("-id",), ("-pk",)}


# What a list's address may hold beside its filters; `_changelist_filters` and the like belong to the frame.
COMMON = {
    ALL_VAR,
    ORDER_VAR,
    PAGE_VAR,
    SEARCH_VAR,
    ERROR_FLAG,
    IS_FACETS_VAR,
    IS_POPUP_VAR,
    TO_FIELD_VAR,
}
OF_A_FIELD = r"(__id)?__(exact|isnull|gte|gt|lte|lt)|_(from|to)(_[01])?"  # what filters of a field ask by
OF_A_DATE = "__(year|month|day)"


def strange(admin: "ModelAdmin[Any]", request: HttpRequest) -> list[str]:
    """The parameters of a list's address that are none of its filters.

    Django takes any look-up of any column, which fails for some values, and finds out hidden columns letter by letter.
    """
    patterns = [f"{admin.date_hierarchy}{OF_A_DATE}"] if admin.date_hierarchy else []
    for one in admin.get_list_filter(request):
        if isinstance(one, type) and issubclass(one, SimpleListFilter):
            patterns.append(re.escape(str(one.parameter_name)))
        else:
            path = one[0] if isinstance(one, (list, tuple)) else one
            patterns.append(f"{re.escape(str(path))}({OF_A_FIELD})?")
    known = re.compile("|".join(patterns) or "(?!)")
    return [name for name in request.GET if name not in COMMON and not known.fullmatch(name)]


@dataclass(frozen=True)
class Window:
    """The rows of a page, what `p` is before and after them, and how many rows stand before them, if known."""

    rows: list[Any]
    newer: str | None = None
    older: str | None = None
    skipped: int | None = 0

    template_name: ClassVar[str] = "admin/pages.html"  # Unfold asks the paginator for it


class List(ChangeList):
    """Django's change list without its counting. `total` is None where it is not known."""

    total: int | None

    def get_results(self, request: HttpRequest) -> None:
        window = self._window(request.GET.get(PAGE_VAR, ""))
        self.paginator: Any = window
        self.result_list: Any = window.rows
        self.total = self._total(request, window)
        shown = len(window.rows)
        self.result_count = shown + 1 if self.total is None else self.total
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False

    @property
    def total_shown(self) -> str:
        """`1,204`, or `1,000+` where nobody counted on."""
        if self.total is None:
            return f"{len(self.result_list)}+"
        return f"{self.total:,}+" if self.is_capped else f"{self.total:,}"

    @property
    def newer_url(self) -> str:
        return self._url(self.paginator.newer)

    @property
    def older_url(self) -> str:
        return self._url(self.paginator.older)

    def _url(self, place: str | None) -> str:
        """Empty when there is no such page."""
        return "" if place is None else self.get_query_string({PAGE_VAR: place} if place else {}, [PAGE_VAR])

    def _window(self, place: str) -> Window:
        keyed = self.queryset.query.order_by in NEWEST_FIRST
        key = KEY.fullmatch(place) if keyed else None
        if key and key[1] == "b":
            return self._before(self.queryset.filter(pk__lt=int(key[2])), skipped=None)
        if key and (window := self._after(int(key[2]))):
            return window
        if keyed and self.page_num <= 1:
            return self._before(self.queryset, skipped=0)
        return self._numbered()

    def _before(self, rows: "QuerySet[Any]", *, skipped: int | None) -> Window:
        found = list(rows[: self.list_per_page + 1])
        shown = found[: self.list_per_page]
        newer = f"a{shown[0].pk}" if skipped is None and shown else None
        older = f"b{shown[-1].pk}" if len(found) > len(shown) else None
        return Window(shown, newer, older, skipped)

    def _after(self, key: int) -> Window | None:
        """The page before that row; None when that is the first one."""
        found = list(self.queryset.filter(pk__gt=key).order_by("pk")[: self.list_per_page + 1])
        if len(found) <= self.list_per_page:
            return None
        shown = found[self.list_per_page - 1 :: -1]
        return Window(shown, f"a{shown[0].pk}", f"b{shown[-1].pk}", None)

    def _numbered(self) -> Window:
        number, length = self.page_num, self.list_per_page
        start = (number - 1) * length
        if not 0 <= start <= DEEPEST:
            raise IncorrectLookupParameters
        found = list(self.queryset[start : start + length + 1])
        if start and not found:
            raise IncorrectLookupParameters
        newer = None if number == 1 else "" if number == 2 else str(number - 1)
        more = len(found) > length and start + length <= DEEPEST
        return Window(found[:length], newer, str(number + 1) if more else None, start)

    def _total(self, request: HttpRequest, window: Window) -> int | None:
        """How many rows the list has: known, all on this page, or few enough to count."""
        self.is_capped = False
        known: int | None = self.model_admin.known_total(request)  # type: ignore[attr-defined]
        if known is not None:
            return known
        if window.older is None and window.skipped is not None:
            return window.skipped + len(window.rows)
        if self.has_active_filters or self.query:
            return None
        counted: int = self.queryset.values("pk")[: COUNTED + 1].count()
        self.is_capped = counted > COUNTED
        return min(counted, COUNTED)
