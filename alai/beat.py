"""The scheduler that beat runs. Not in `alai.celery`, which is imported before Django is set up."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from alai.kernel import health


class Scheduler(DatabaseScheduler):
    """The database's schedules; each tick leaves a sign of life."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        health.stamp("beat")
        seconds: float = super().tick(*args, **kwargs)
        return seconds
