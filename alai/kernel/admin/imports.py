"""Imports: what was loaded when, the rows that could not be taken, and those that nobody knows yet."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from alai.kernel import importing, words
from alai.kernel.admin.base import History, distinct
from alai.kernel.importing import values
from alai.kernel.importing.raw import from_json
from alai.kernel.models import ImportReject, ImportRun, LegacyRow

SUMS = ("source", "created", "updated", "unchanged", "rejected")
LONGEST_VALUE = 20_000


class ReasonFilter(DropdownFilter):
    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        known = distinct(ImportReject, "reason", chosen=self.value())
        return [(code, code.replace("_", " ").capitalize()) for code in known]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ImportReject]) -> QuerySet[ImportReject]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(ImportReject)
class ImportRejectAdmin(History[ImportReject]):
    list_display = ("of", "why", "detail", "state_shown", "found")
    list_display_links = ("of",)
    list_filter = (("state", ChoicesDropdownFilter), ReasonFilter)
    search_fields = ("=key", "=source", "=table")
    search_help_text = "Key of the row, e.g. 104230, or the name of its table"
    actions = ("try_again",)
    fields = ("of", "source", "file", "why", "detail", "state", "found", "whole_row")
    readonly_fields = fields

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("kernel.change_importreject")

    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ImportReject]) -> None:
        try:
            counts = importing.retry(ids=queryset.values_list("pk", flat=True))
        except importing.Busy as error:
            messages.error(request, str(error))
            return
        inside = counts.source - counts.rejected
        if inside:
            messages.success(request, f"{words.plural(inside, 'row')} imported.")
        if counts.rejected:
            messages.warning(
                request, f"{words.plural(counts.rejected, 'row')} still cannot be imported: see why."
            )
        if not counts.source:
            messages.info(request, "Nothing to do: these rows were imported already.")

    @admin.display(description="Row", ordering="id")
    def of(self, row: ImportReject) -> SafeString:
        return _row_name(row.table, row.key)

    @admin.display(description="Reason", ordering="reason")
    def why(self, row: ImportReject) -> str:
        return row.reason.replace("_", " ").capitalize()

    @display(description="State", ordering="state", label={"open": "warning", "resolved": "success"})
    def state_shown(self, row: ImportReject) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description="Since", ordering="at")
    def found(self, row: ImportReject) -> SafeString | str:
        return words.time_tag(row.at)

    @admin.display(description="The whole row")
    def whole_row(self, row: ImportReject) -> SafeString:
        return _table_of(row.row)


@admin.register(LegacyRow)
class LegacyRowAdmin(History[LegacyRow]):
    list_display = ("of", "source", "kept")
    list_display_links = ("of",)
    search_fields = ("=key", "=source", "=table")
    search_help_text = "Key of the row, or the name of its table or file"
    fields = ("of", "source", "kept", "whole_row")
    readonly_fields = fields

    @admin.display(description="Row", ordering="id")
    def of(self, row: LegacyRow) -> SafeString:
        return _row_name(row.table, row.key)

    @admin.display(description="Kept", ordering="at")
    def kept(self, row: LegacyRow) -> SafeString | str:
        return words.time_tag(row.at)

    @admin.display(description="The whole row")
    def whole_row(self, row: LegacyRow) -> SafeString:
        return _table_of(row.row)


@admin.register(ImportRun)
class ImportRunAdmin(History[ImportRun]):
    list_display = ("files", "outcome", "sums", "started")
    list_display_links = ("files",)
    fields = ("files", "outcome", "started", "took", "details", "failures")
    readonly_fields = fields

    @admin.display(description="Files")
    def files(self, run: ImportRun) -> str:
        return ", ".join([*run.report.get("files", {}), *run.report.get("errors", {})]) or "none yet"

    @display(
        description="Outcome",
        label={"Complete": "success", "Look into it": "danger", "Not ended": "warning"},
    )
    def outcome(self, run: ImportRun) -> str:
        if run.ended_at is None:
            return "Not ended"
        return "Complete" if run.agrees else "Look into it"

    @admin.display(description="Rows")
    def sums(self, run: ImportRun) -> str:
        every = [counts for tables in run.report.get("files", {}).values() for counts in tables.values()]
        totals = {name: sum(counts[name] for counts in every) for name in SUMS[1:]}
        return ", ".join(f"{count:,} {name}" for name, count in totals.items() if count) or "none"

    @admin.display(description="Started", ordering="id")
    def started(self, run: ImportRun) -> SafeString | str:
        return words.time_tag(run.started_at)

    @admin.display(description="Took")
    def took(self, run: ImportRun) -> str:
        return f"{run.report['seconds']} s" if "seconds" in run.report else "–"

    @admin.display(description="Tables")
    def details(self, run: ImportRun) -> SafeString:
        several = len(run.report.get("files", {})) > 1
        rows = [
            (f"{file} {table}" if several else table, *(f"{counts[name]:,}" for name in SUMS))
            for file, tables in run.report.get("files", {}).items()
            for table, counts in tables.items()
        ]
        cells = "<tr><th scope='row'>{}</th>" + "<td>{}</td>" * len(SUMS) + "</tr>"
        head = format_html_join(
            "", "<th scope='col'>{}</th>", [("",), *((name.capitalize(),) for name in SUMS)]
        )
        return _difference(head, format_html_join("", cells, rows))

    @admin.display(description="Failed")
    def failures(self, run: ImportRun) -> str:
        return " ".join(run.report.get("errors", {}).values()) or "–"


def _row_name(table: str, key: str) -> SafeString:
    return format_html('<span class="mc-strong">{}</span> <code class="mc-code">{}</code>', table, key)


def _table_of(row: dict[str, Any]) -> SafeString:
    rows = [(column, _shown(value)) for column, value in row.items()]
    head = format_html("<th scope='col'>Column</th><th scope='col'>{}</th>", "Value")
    return _difference(head, format_html_join("", "<tr><th scope='row'>{}</th><td>{}</td></tr>", rows))


def _difference(head: SafeString, body: SafeString) -> SafeString:
    return format_html(
        '<div class="mc-scroll"><table class="mc-difference"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        body,
    )


def _shown(value: Any) -> str:
    raw = from_json(value)
    if isinstance(raw, str | bytes):
        text, note = values.text(raw)
        text += f" ({note}; base64 {value['base64']})" if note else ""
    else:
        text = "NULL" if raw is None else str(raw)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
