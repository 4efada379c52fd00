"""What narrows the message list. Without a choice it shows what needs an answer; a search looks everywhere."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from inbox.models import Account, Message
from inbox.selectors import STATUSES, UNANSWERED
from inbox.triage.verdicts import Classification

Messages = QuerySet[Message]
Lookups = list[tuple[str, str]]
ALL = "all"


class StatusFilter(DropdownFilter):
    title = "status"
    parameter_name = "status"
    all_option = ["", "Needs an answer"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        self.searching = bool(request.GET.get("q"))
        shown = [(name, name.capitalize()) for name in STATUSES if name != UNANSWERED]
        return [*shown, (ALL, "All")]

    def queryset(self, request: HttpRequest, queryset: Messages) -> Messages:
        if self.value() in STATUSES:
            return queryset.filter(STATUSES[self.value()])
        if self.value() == ALL or self.searching:
            return queryset
        kept = STATUSES["quarantine"] | STATUSES["deferred"]
        return queryset.filter(STATUSES[UNANSWERED]).exclude(kept).exclude(mail__action="imported")


class ClassificationFilter(DropdownFilter):
    title = parameter_name = "classification"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(one.value, one.value.capitalize()) for one in Classification]

    def queryset(self, request: HttpRequest, queryset: Messages) -> Messages:
        return (
            queryset.filter(mail__classification=self.value())
            if self.value() in set(Classification)
            else queryset
        )


class AccountFilter(DropdownFilter):
    title = parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(one, one) for one in Account.objects.values_list("address", flat=True)[:200]]

    def queryset(self, request: HttpRequest, queryset: Messages) -> Messages:
        return queryset.filter(account__address=self.value()) if self.value() else queryset


class PartnerFilter(DropdownFilter):
    title = parameter_name = "partner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("yes", "Partners"), ("no", "Everybody else")]

    def queryset(self, request: HttpRequest, queryset: Messages) -> Messages:
        match self.value():
            case "yes":
                return queryset.filter(mail__partner_tier__gt=0)
            case "no":
                return queryset.exclude(mail__partner_tier__gt=0)
        return queryset


class AgeFilter(DropdownFilter):
    title = "unanswered for"
    parameter_name = "age"
    HOURS = {"6": "6 hours", "24": "a day", "48": "two days", "96": "four days"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(hours, f"More than {text}") for hours, text in self.HOURS.items()]

    def queryset(self, request: HttpRequest, queryset: Messages) -> Messages:
        if self.value() not in self.HOURS:
            return queryset
        since = Now() - timedelta(hours=int(self.value() or 0))
        return queryset.filter(STATUSES[UNANSWERED], mail__received_at__lt=since)


FILTERS = (StatusFilter, AccountFilter, ClassificationFilter, PartnerFilter, AgeFilter)
