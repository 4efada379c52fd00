"""Named reads of the ledger."""

from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import BooleanField, ExpressionWrapper, Func, Prefetch, Q
from django.db.models.functions import Now

from missioncontrol import search

if TYPE_CHECKING:
    from missioncontrol.models import Task  # noqa: F401


class ClockTimestamp(Func):
    """PostgreSQL's wall clock, the same inside a long transaction as outside."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


LEASED = ~Q(lease_actor="")  # in these words an index knows it
LIVE_LEASE = Q(lease_until__gt=ClockTimestamp())
NOT_CLOSED = ~Q(status__in=("done", "cancelled"))


class TaskQuerySet(models.QuerySet["Task"]):
    def with_lease_state(self) -> Self:
        """Annotate `lease_live`, by the database clock."""
        return self.annotate(
            lease_live=ExpressionWrapper(
                Q(lease_until__isnull=False) & LIVE_LEASE, output_field=BooleanField()
            )
        )

    def for_display(self) -> Self:
        """All that a task's full representation shows, in three queries."""
        dependency = apps.get_model("missioncontrol", "Dependency")
        dependencies = dependency._default_manager.select_related("depends_on").only(
            "task_id", "depends_on_id", "depends_on__status"
        )
        return self.with_lease_state().prefetch_related(
            Prefetch("dependency_rows", queryset=dependencies), "evidence"
        )

    def for_teams(self, teams: list[str]) -> Self:
        """Only the teams' tasks; an empty list means all."""
        return self.filter(team__in=teams) if teams else self

    def claimed(self, claimed: bool = True) -> Self:
        if claimed:
            return self.filter(LEASED, LIVE_LEASE)
        return self.exclude(LIVE_LEASE & Q(lease_until__isnull=False))

    def overdue(self) -> Self:
        return self.filter(NOT_CLOSED, due_at__lt=Now())

    def matching(self, words: str, *, limit: int = search.LIMIT) -> Self:
        """Full text, best first, at most 200, of the newest that match."""
        if search.says_nothing(words):
            return self.none()
        query = search.web_query(words)
        ids = search.best(search.newest_matches(self, query), query, limit=min(limit, search.LIMIT))
        return self.filter(pk__in=ids).order_by(search.place_in(ids))
