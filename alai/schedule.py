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
    "Fetch mail": (
        "inbox.tasks.fetch_mail",
        60,
        "Looks into every mail account that is due.",
    ),
    "Triage mail": (
        "inbox.tasks.triage",
        60,
        "Reads and judges mail that waits, and pushes what is due.",
    ),
    "Ask the LLM about undecided mail": (
        "inbox.tasks.ask_llm",
        60,
        "Decides what was deferred, each in its own time.",
    ),
    "Inbox digest": (
        "inbox.tasks.digest",
        60,
        "Sends the digest at INBOX_DIGEST_AT, once a day, and raises the alarm when none went out.",
    ),
    "Escalate unanswered mail": (
        "inbox.tasks.escalate",
        300,
        "Tells of mail without an answer after 24, 48, 72 and 96 hours.",
    ),
    "Look round": (
        "infra.tasks.probe",
        10,
        "Looks at every check that is due; a run that has a shift goes on, the others end at once.",
    ),
    "Incidents": (
        "infra.tasks.incidents",
        10,
        "Makes incidents of confirmed changes and tells their steps, every other second; one run at a time.",
    ),
    "Sum looks up by the hour": (
        "infra.tasks.roll_up",
        300,
        "Uptime and latency of each check, weighted by time.",
    ),
    "Error budgets": (
        "infra.tasks.objectives",
        60,
        "Measures the objectives and opens an incident for a budget that burns too fast.",
    ),
    "Prune what is past its retention": (
        "alai.kernel.tasks.prune",
        24 * 3600,
        "Deletes what is older than its retention setting.",
    ),
}


def seed() -> None:
    """Create the missing schedules; never change one that exists, or each start would undo edits.

    A run that waited for a worker until the next one was due is dropped, so that none pile up while a worker is away.
    """
    for name, (task, seconds, description) in SCHEDULES.items():
        if PeriodicTask.objects.filter(name=name).exists():
            continue
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(
            name=name, task=task, interval=interval, description=description, expire_seconds=seconds
        )
