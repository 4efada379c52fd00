"""One page of figures: where mail ends, how soon it is answered, and how often each stage was right."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from alai.kernel import words
from alai.kernel.admin.base import Admin
from inbox import selectors
from inbox.admin import story
from inbox.models import Mail
from inbox.triage.verdicts import Action

DAYS = 30
BESIDE = frozenset({Action.AUTOMATIC, Action.OWN, Action.TOO_OLD, Action.IMPORTED})
# Where mail ends, from what disturbs nobody to what reaches the CEO: each step keeps what the one before let through.
FUNNEL: tuple[tuple[str, frozenset[str], str], ...] = (
    ("Came in", frozenset(), "info"),
    ("Not ours, not automatic, not too old", BESIDE, "info"),
    ("Not kept in quarantine", frozenset({Action.QUARANTINED}), "info"),
    ("No newsletter, no notification", frozenset({Action.NEWSLETTER, Action.TRANSACTIONAL}), "info"),
    ("Not decided as NO or undecided", frozenset({Action.LLM_NO, Action.LLM_DEFERRED, Action.DRY_RUN}), "primary"),
)  # fmt: skip
BUCKETS = (
    (1, "within 1 h"),
    (6, "1 to 6 h"),
    (24, "6 to 24 h"),
    (48, "1 to 2 days"),
    (96, "2 to 4 days"),
    (None, "later"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: `share` in percent of the longest."""

    label: str
    count: int
    share: float
    tone: str = "info"


def funnel(counts: dict[str, int]) -> list[Bar]:
    """How many mails passed each gate."""
    left = total = sum(counts.values())
    bars = []
    for label, stopped, tone in FUNNEL:
        left -= sum(counts.get(action, 0) for action in stopped)
        bars.append(Bar(label, left, 100 * left / total if total else 0, tone))
    return bars


def spread(hours: list[float]) -> list[Bar]:
    """Answers by how long they took."""
    counts = []
    for at, (limit, label) in enumerate(BUCKETS):
        low = BUCKETS[at - 1][0] or 0 if at else 0
        counts.append((label, sum(low <= one and (limit is None or one < limit) for one in hours)))
    highest = max([1, *(count for _, count in counts)])
    return [Bar(label, count, 100 * count / highest) for label, count in counts]


def percentile(values: list[float], share: float) -> float | None:
    """The value below which that share of the sorted values lies; None without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


@admin.register(Mail)
class MailAdmin(Admin[Mail]):
    """No list of its own (messages are what people read); it carries the page of figures."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    list_display = ("message_id", "verdict", "action", "classification", "task", "received_at")
    show_full_result_count = False
    list_filter = ("verdict", "classification")

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view(self.figures_view)
        return [path("figures/", own, name="inbox_figures"), *super().get_urls()]

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("inbox.view_message"):
            raise PermissionDenied
        counts = selectors.funnel(days=DAYS)
        hours = selectors.response_hours(days=DAYS)
        context = {
            **self.admin_site.each_context(request),
            "title": "Mail in figures",
            "now": timezone.now(),
            "days": DAYS,
            "funnel": funnel(counts),
            "actions": sorted(
                ((story.reason(name), count) for name, count in counts.items()), key=lambda one: -one[1]
            ),
            "answers": spread(hours),
            "answered": len(hours),
            "sentence": sentence(counts, hours),
            "precision": selectors.precision(),
            "llm": sorted(selectors.llm_figures(days=DAYS).items()),
        }
        return TemplateResponse(request, "inbox/figures.html", context)


def sentence(counts: dict[str, int], hours: list[float]) -> str:
    """The answer before the charts."""
    total = sum(counts.values())
    if not total:
        return f"No mail was judged in the last {DAYS} days."
    middle, late = percentile(hours, 0.5), percentile(hours, 0.85)
    reached = funnel(counts)[-1].count
    said = f"{words.plural(total, 'mail')} in {DAYS} days, of which {reached:,} needed somebody."
    if middle is None or late is None:
        return f"{said} None was answered yet."
    return f"{said} Half of the answers came within {_hours(middle)}, 85 % within {_hours(late)}."


def _hours(value: float) -> str:
    return (
        f"{value * 60:.0f} min" if value < 1 else f"{value:.1f} h" if value < 48 else f"{value / 24:.1f} days"
    )
