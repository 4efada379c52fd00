"""Bars of days, wherever the admin shows how a site was."""

from collections.abc import Iterable

from django.utils.safestring import SafeString, mark_safe

from infra.history import Run


def bars(runs: Iterable[Run]) -> SafeString:
    """What stands in an `mc-days`. The status board has many hundreds: a template's loop was a tenth of the page."""
    pieces = (
        f'<i class="mc-{run.tone}-fill" style="--n:{run.length}" title="{run.said}"></i>' for run in runs
    )
    return mark_safe("".join(pieces))  # noqa: S308 - dates, durations and our own words alone
