"""How long each kind of record is kept."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alai.kernel import retention, words
from alai.kernel.admin.base import Admin
from alai.kernel.models import Retention


@admin.register(Retention)
class RetentionAdmin(Admin[Retention]):
    """The kinds come from the code; the days are edited here."""

    list_display = ("what", "kept", "default", "edited")
    fields = ("what", "days", "default")
    readonly_fields = ("what", "default")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Records", ordering="kind")
    def what(self, row: Retention) -> SafeString:
        meaning = retention.kinds().get(row.kind, (None, "No longer used."))[1]
        return format_html(
            '<span class="mc-strong">{}</span> <span class="mc-quiet">{}</span>',
            row.kind.replace("-", " ").capitalize(),
            meaning,
        )

    @admin.display(description="Kept for", ordering="days")
    def kept(self, row: Retention) -> str:
        return words.plural(row.days, "day") if row.days else "ever"

    @admin.display(description="Default")
    def default(self, row: Retention) -> str:
        days = retention.kinds().get(row.kind, (None, ""))[0]
        return words.plural(days, "day") if days else "for ever"

    @admin.display(description="Edited", ordering="updated_at")
    def edited(self, row: Retention) -> SafeString | str:
        return words.time_tag(row.updated_at)
