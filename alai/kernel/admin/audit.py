"""The audit trail: who changed what, when, why, and what it was before."""

import json
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter

from alai.kernel import words
from alai.kernel.admin.base import History, badge, distinct
from alai.kernel.models import AuditEntry

ACTIONS = {"insert": ("Added", "success"), "update": ("Changed", "info"), "delete": ("Deleted", "danger")}
PERIODS = {"hour": ("Last hour", 1), "day": ("Last 24 hours", 24), "week": ("Last 7 days", 168)}
LONGEST_VALUE = 4000


class ActorFilter(DropdownFilter):
    title = "actor"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        known = distinct(AuditEntry, "actor", chosen=None if chosen == "-" else chosen)
        return [("-", "nobody known"), *((name, name) for name in known)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        value = self.value()
        return queryset.filter(actor="" if value == "-" else value) if value else queryset


class TableFilter(DropdownFilter):
    title = "what"
    parameter_name = "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(table, noun(table)) for table in distinct(AuditEntry, "target_type", chosen=self.value())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(target_type=self.value()) if self.value() else queryset


class ActionFilter(DropdownFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("insert", "Added"),
            ("update", "Changed"),
            ("delete", "Deleted"),
            ("other", "Everything else"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if self.value() == "other":
            return queryset.exclude(action__in=["insert", "update", "delete"])
        return queryset.filter(action=self.value()) if self.value() else queryset


class PeriodFilter(DropdownFilter):
    title = "time"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if self.value() not in PERIODS:
            return queryset
        return queryset.filter(at__gte=Now() - timedelta(hours=PERIODS[self.value()][1]))


@admin.register(AuditEntry)
class AuditEntryAdmin(History[AuditEntry]):
    list_before_template = "admin/audit_note.html"
    list_display = ("when", "who", "did", "target", "changed", "reason")
    list_filter = (ActorFilter, TableFilter, ActionFilter, PeriodFilter, ("at", RangeDateTimeFilter))
    search_fields = ("target_id",)
    search_help_text = "Id of the record, e.g. 104230, or a request id"
    list_display_links = ("when",)
    fields = ("when_exactly", "who", "did", "target", "reason", "asked_by", "difference")
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """By exact id: a search for parts of words would read a year of entries."""
        term = search_term.strip().lstrip("#")
        if not term:
            return queryset, False
        return (queryset.filter(target_id=term) | queryset.filter(request_id=term)), False

    @admin.display(description="When", ordering="id")
    def when(self, entry: AuditEntry) -> SafeString | str:
        return words.time_tag(entry.at)

    @admin.display(description="When")
    def when_exactly(self, entry: AuditEntry) -> str:
        return f"{words.exact(entry.at)}, {words.ago(entry.at)}"

    @admin.display(description="Who", ordering="actor")
    def who(self, entry: AuditEntry) -> SafeString:
        name = entry.actor or (f"database user {entry.db_user}" if entry.db_user else "unknown")
        behalf = f"for {entry.on_behalf_of}" if entry.on_behalf_of else ""
        return format_html('<span class="mc-strong">{}</span> <span class="mc-quiet">{}</span>', name, behalf)

    @admin.display(description="Did", ordering="action")
    def did(self, entry: AuditEntry) -> SafeString:
        name, tone = ACTIONS.get(entry.action, (entry.action.replace("-", " ").capitalize(), "unknown"))
        return badge(name, tone)

    @admin.display(description="What")
    def target(self, entry: AuditEntry) -> SafeString:
        label = f"{noun(entry.target_type)} {entry.target_id}".strip()
        url = page_of(entry.target_type, entry.target_id)
        return (
            format_html('<a class="mc-link" href="{}">{}</a>', url, label)
            if url
            else format_html("{}", label)
        )

    @admin.display(description="Fields")
    def changed(self, entry: AuditEntry) -> str:
        names = list(entry.after or entry.before or {})
        return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

    @admin.display(description="Why")
    def reason(self, entry: AuditEntry) -> str:
        return entry.why or "–"

    @admin.display(description="Request")
    def asked_by(self, entry: AuditEntry) -> SafeString | str:
        return format_html('<code class="mc-code">{}</code>', entry.request_id) if entry.request_id else "–"

    @admin.display(description="Before and after")
    def difference(self, entry: AuditEntry) -> SafeString:
        before, after = entry.before or {}, entry.after or {}
        rows = [
            (name, _value(before, name), _value(after, name)) for name in dict.fromkeys([*before, *after])
        ]
        body = format_html_join(
            "",
            "<tr><th scope='row'>{}</th><td class='mc-before'>{}</td><td class='mc-after'>{}</td></tr>",
            rows,
        )
        head = "<tr><th scope='col'>Field</th><th scope='col'>Before</th><th scope='col'>After</th></tr>"
        return format_html(
            '<div class="mc-scroll"><table class="mc-difference"><thead>{}</thead><tbody>{}</tbody></table></div>',
            SafeString(head),
            body,
        )


def noun(table: str) -> str:
    """What people call the rows of a table."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.db_table == table:
            return str(model._meta.verbose_name).capitalize()
    return table.replace("_", " ").capitalize()


def page_of(table: str, key: str) -> str:
    """The admin page of a row, if there is one."""
    for model in admin.site._registry:
        if table in (model._meta.db_table, model._meta.model_name) and key:
            try:
                return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[key])
            except NoReverseMatch:
                return ""
    return ""


def _value(columns: dict[str, Any], name: str) -> str:
    if name not in columns:
        return ""
    value = columns[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
