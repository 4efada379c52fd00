"""The schedules that a new installation starts with. They are rows afterwards: the admin's edits stay."""

from django_celery_beat.models import IntervalSchedule, PeriodicTask

# name -> (task, seconds between runs, description)
SCHEDULES: dict[str, tuple[str, int, str]] = {
    "Sweep expired leases": (
        "missioncontrol.tasks.sweep_expired_leases",
        60,
        "Ends leases that ran out, so that their tasks are free.",
    ),
    "Add up the tallies": (
        "missioncontrol.tasks.fold_tallies",
        20,
        "Keeps the figures about tasks quick to read.",
    ),
    "Check the tallies": (
        "missioncontrol.tasks.check_tallies",
        24 * 3600,
        "Counts all tasks once and compares the figures.",
    ),
    "Deliver notifications": (
        "alai.kernel.tasks.deliver_notifications",
        15,
        "Sends what waits in the outbox, should a wake-up be lost.",
    ),
    "Prune what is past its retention": (
        "alai.kernel.tasks.prune",
        24 * 3600,
        "Deletes what is older than its retention setting.",
    ),
}


def seed() -> None:
    """Create the missing schedules; never change one that exists, or each start would undo edits."""
    for name, (task, seconds, description) in SCHEDULES.items():
        if PeriodicTask.objects.filter(name=name).exists():
            continue
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(name=name, task=task, interval=interval, description=description)
