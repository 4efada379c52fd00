"""What the watch does by itself."""

import time

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from infra import services

SHIFT_SECONDS = 55.0
TICK_SECONDS = 2.0


@shared_task
def probe() -> str:
    """A shift of looking round, on the watch's own worker, until the next one begins."""
    if not settings.WATCH:
        return "Watching is off (WATCH)"
    services.tend_jobs()
    services.ensure_states()
    return f"{services.watch(SHIFT_SECONDS)} looks"


@shared_task
def incidents() -> str:
    """Edges become incidents and due steps are told, every other second for a shift: polled, never scheduled ahead."""
    if not settings.WATCH or not cache.add("watch:incidents", 1, timeout=SHIFT_SECONDS + 10):
        return "Watching is off (WATCH), or another run does it"
    dealt = told = 0
    until = time.monotonic() + SHIFT_SECONDS
    try:
        while time.monotonic() < until:
            dealt += services.deal_with_edges()
            told += services.escalate()
            time.sleep(TICK_SECONDS)
        revived = services.revive_stalled()
    finally:
        cache.delete("watch:incidents")
    return f"{dealt} changes, {told} steps told, {revived} revived"


@shared_task
def roll_up() -> str:
    """Sum the looks of this hour and the last one up, and keep the pings of a job few."""
    services.trim_pings()
    return f"{services.roll_up()} hours summed up"
