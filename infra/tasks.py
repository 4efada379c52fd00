"""What the watch does by itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from alai.kernel.jobs import Idle, told
from infra import services

SHIFT_SECONDS = 300.0
TICK_SECONDS = 2.0
ALIVE_SECONDS = 8  # after a worker's death its shift is anybody's
IDLE = Idle("Watching is off (WATCH), or another run does it")


@shared_task
def probe() -> str:
    """A shift of looking round, on the watch's own worker; beat asks often, and all but one run end at once."""
    with _shift("probe") as keep:
        return IDLE if keep is None else f"{services.watch(SHIFT_SECONDS, keep)} looks"


@shared_task
def incidents() -> str:
    """Edges become incidents and due steps are told, every other second for a shift: polled, never scheduled ahead."""
    with _shift("incidents") as keep:
        if keep is None:
            return IDLE
        dealt = told = reminded = revived = 0
        until = time.monotonic() + SHIFT_SECONDS
        while time.monotonic() < until:
            keep()
            dealt += services.deal_with_edges()
            told += services.escalate()
            reminded += services.remind()
            revived += services.revive_stalled()
            time.sleep(TICK_SECONDS)
    return f"{dealt} changes, {told} steps told, {reminded} reminded, {revived} revived"


@contextmanager
def _shift(name: str) -> Iterator[Callable[[], object] | None]:
    """Whoever has the shift gets what keeps it; everybody else, and everybody while watching is off, gets None."""
    key = f"watch:{name}"
    if not settings.WATCH or not cache.add(key, 1, timeout=ALIVE_SECONDS):
        yield None
        return
    try:
        yield lambda: cache.set(key, 1, timeout=ALIVE_SECONDS)
    finally:
        cache.delete(key)


@shared_task
def objectives() -> str:
    """Sum up what objectives measured, and open or close the incidents of budgets that burn."""
    if not settings.WATCH:
        return Idle("Watching is off (WATCH)")
    summed, changes = services.sum_up_objectives(), services.judge_objectives()
    return told(summed + changes, f"{summed} hours of objectives, {changes} changes")


@shared_task
def roll_up() -> str:
    """Sum the looks of this hour and the last one up, and keep the pings of a job few."""
    services.trim_pings()
    hours = services.roll_up()
    return told(hours, f"{hours} hours summed up")
