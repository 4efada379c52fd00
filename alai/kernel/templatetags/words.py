"""Template filters for `alai.kernel.words`: `{{ moment|ago }}`, `{{ moment|clock }}`, `{{ count|counted:"task" }}`."""

from datetime import datetime, timedelta

from django import template
from django.utils.safestring import SafeString

from alai.kernel import words

register = template.Library()


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    return words.time_tag(moment)


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    return words.time_tag(moment, words.day_and_time(moment)) if moment else "–"


@register.filter
def counted(count: int, noun: str) -> str:
    return words.plural(count, noun)


@register.filter
def filesize(octets: int | None) -> str:
    return words.size(octets)


@register.filter
def lasting(length: timedelta) -> str:
    return words.duration(length)
