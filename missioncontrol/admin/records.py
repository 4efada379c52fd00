"""What belongs to tasks: events, comments, dependencies, evidence and grants, to read and to find."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from alai.kernel import words
from alai.kernel.admin.base import History, badge
from missioncontrol import mentions
from missioncontrol.admin import story, talk
from missioncontrol.models import Comment, CostEntry, Dependency, Evidence, Grant, TaskEvent


class OfTask[M: (Comment, CostEntry, Dependency, Evidence, Grant, TaskEvent)](History[M]):
    """Rows of a task: each names it, newest first, found by the task's number."""

    list_select_related: ClassVar[tuple[str, ...]] = ("task",)
    search_fields = ("task__id",)
    search_help_text = "Number of the task"
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        digits = search_term.strip().lstrip("#")
        if not digits:
            return queryset, False
        known = digits.isascii() and digits.isdigit() and len(digits) < 19
        return (queryset.filter(task_id=int(digits)) if known else queryset.none()), False

    @admin.display(description="Task")
    def of_task(self, row: Any) -> SafeString:
        return story.link(row.task)


class EventKindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind.replace("_", " ").capitalize()) for kind in story.KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskEvent]) -> QuerySet[TaskEvent]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(TaskEvent)
class TaskEventAdmin(OfTask[TaskEvent]):
    list_display = ("when", "what_happened", "reason")
    list_filter = (EventKindFilter,)
    fields = ("when", "what_happened", "reason", "data", "request_id")
    readonly_fields = fields

    @admin.display(description="When", ordering="id")
    def when(self, event: TaskEvent) -> SafeString | str:
        return words.time_tag(event.at)

    @admin.display(description="What happened")
    def what_happened(self, event: TaskEvent) -> SafeString:
        return story.happened(event, story.link(event.task))

    @admin.display(description="Why")
    def reason(self, event: TaskEvent) -> str:
        return event.why or "–"


@admin.register(Comment)
class CommentAdmin(OfTask[Comment]):
    """Comments are written on the task's page."""

    list_display = ("when", "author", "begins", "of_task")
    fields = ("when", "author", "of_task", "said")
    readonly_fields = fields

    @admin.display(description="When", ordering="id")
    def when(self, comment: Comment) -> SafeString | str:
        return words.time_tag(comment.created_at)

    @admin.display(description="Comment")
    def begins(self, comment: Comment) -> str:
        return f"{comment.body[:120]}…" if len(comment.body) > 120 else comment.body

    @admin.display(description="Comment")
    def said(self, comment: Comment) -> SafeString:
        return talk.said(comment.body, mentions.known([comment.body]))


@admin.register(CostEntry)
class CostEntryAdmin(OfTask[CostEntry]):
    """What was spent, entry by entry; a correction is an entry too."""

    list_display = ("when", "amount", "kind", "note", "actor", "of_task")
    fields = ("when", "amount", "kind", "note", "actor", "recorded", "of_task")
    readonly_fields = fields

    @admin.display(description="Spent", ordering="at")
    def when(self, entry: CostEntry) -> SafeString | str:
        return words.time_tag(entry.at)

    @admin.display(description="Amount", ordering="amount_usd")
    def amount(self, entry: CostEntry) -> str:
        return f"${entry.amount_usd:,.4f}"

    @admin.display(description="Recorded")
    def recorded(self, entry: CostEntry) -> SafeString | str:
        return words.time_tag(entry.recorded_at)


@admin.register(Dependency)
class DependencyAdmin(OfTask[Dependency]):
    """Dependencies are edited on the task's page."""

    list_display = ("of_task", "waits_for", "state")
    list_select_related = ("task", "depends_on")
    list_display_links = None
    fields = ("of_task", "waits_for", "state")
    readonly_fields = fields

    @admin.display(description="Waits for")
    def waits_for(self, row: Dependency) -> SafeString:
        return story.link(row.depends_on)

    @admin.display(description="Which is")
    def state(self, row: Dependency) -> SafeString:
        return story.badge(row.depends_on)


@admin.register(Evidence)
class EvidenceAdmin(OfTask[Evidence]):
    list_display = ("name_shown", "of_task", "trust", "kind", "size_shown", "created_by", "when")
    list_filter = (("form", ChoicesDropdownFilter), "verified")
    fields = (
        "name_shown",
        "of_task",
        "trust",
        "kind",
        "host",
        "sha256",
        "size_shown",
        "created_by",
        "when",
        "stored",
    )
    readonly_fields = fields

    @admin.display(description="Evidence")
    def name_shown(self, evidence: Evidence) -> str:
        return evidence.name

    @admin.display(description="Trust")
    def trust(self, evidence: Evidence) -> SafeString:
        if evidence.verified:
            return badge("Verified", "success")
        registered = evidence.form == Evidence.Kind.REGISTERED
        return badge("Registered", "info") if registered else badge("In words", "unknown")

    @admin.display(description="Size", ordering="size")
    def size_shown(self, evidence: Evidence) -> str:
        return words.size(evidence.size) if evidence.size is not None else "–"

    @admin.display(description="Added", ordering="id")
    def when(self, evidence: Evidence) -> SafeString | str:
        return words.time_tag(evidence.created_at)

    @admin.display(description="Stored file")
    def stored(self, evidence: Evidence) -> SafeString | str:
        if not evidence.file:
            return "none"
        url = reverse("admin:missioncontrol_evidence_file", args=[evidence.pk])
        return format_html('<a class="mc-link" href="{}">Open or download</a>', url)


@admin.register(Grant)
class GrantAdmin(OfTask[Grant]):
    """A CEO's permissions to override a lease once; they are recorded over the API."""

    list_display = ("when", "of_task", "action", "granted_by", "state", "reason")
    fields = ("of_task", "action", "reason", "granted_by", "when", "expiry", "state", "used")
    readonly_fields = fields

    @admin.display(description="Granted", ordering="id")
    def when(self, grant: Grant) -> SafeString | str:
        return words.time_tag(grant.created_at)

    @admin.display(description="Expires")
    def expiry(self, grant: Grant) -> SafeString | str:
        return words.time_tag(grant.expires_at)

    @admin.display(description="State")
    def state(self, grant: Grant) -> SafeString:
        if grant.used_at:
            return badge("Used", "unknown")
        return (
            badge("Usable", "success") if grant.expires_at > timezone.now() else badge("Expired", "warning")
        )

    @admin.display(description="Used")
    def used(self, grant: Grant) -> SafeString | str:
        if not grant.used_at:
            return "not yet"
        return format_html("by {}, {}", grant.used_by, words.time_tag(grant.used_at))
