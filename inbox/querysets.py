"""Named reads of mail."""

from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from missioncontrol.search import CONFIG as SEARCH_CONFIG
from missioncontrol.search import LIMIT as SEARCH_LIMIT

if TYPE_CHECKING:
    from inbox.models import Mail, Message  # noqa: F401


class MailQuerySet(models.QuerySet["Mail"]):
    def unanswered(self) -> Self:
        """What needs a person and has no answer yet; digests, SLA and pushes look at these."""
        return self.filter(classification="ACTION", answered_at=None)

    def push_waits(self) -> Self:
        """Pushes that are due and not in the outbox yet, the oldest first."""
        return self.filter(push_due_at__isnull=False, reactor_pushed_at=None).order_by("push_due_at", "id")


class MessageQuerySet(models.QuerySet["Message"]):
    def for_accounts(self, addresses: list[str]) -> Self:
        """Only these accounts' messages; an empty list means all."""
        return self.filter(account__address__in=addresses) if addresses else self

    def for_display(self) -> Self:
        """With its account and its mail, in one query."""
        return self.select_related("account", "mail")

    def triable(self) -> Self:
        """Stored or parsed, due, and of an account that is triaged; the oldest first."""
        due = Q(next_try_at=None) | Q(next_try_at__lte=Now())
        unread = Q(state="stored") | (Q(state="parsed") & ~Q(account__triage="off"))
        return self.filter(due, unread).order_by("id")

    def forget_words(self) -> int:
        """Take the search words away; the messages are found by account, sender and date alone."""
        return apps.get_model("inbox", "MessageSearch")._default_manager.filter(message__in=self).delete()[0]

    def matching(self, words: str) -> Self:
        """Full text, best first, at most 200. Web search syntax."""
        query = SearchQuery(words, config=SEARCH_CONFIG, search_type="websearch")
        return (
            self.filter(search__vector=query)
            .annotate(rank=SearchRank(F("search__vector"), query))
            .order_by("-rank", "-id")[:SEARCH_LIMIT]
        )
