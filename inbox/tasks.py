"""What the inbox does by itself. Each task answers a sentence; any number of them may run at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from alai.kernel import wake
from alai.kernel.jobs import Idle, told
from alai.kernel.words import plural
from inbox import accounts, pushes, services
from inbox.fetching.kept import KEEPER
from inbox.fetching.poll import poll
from inbox.services.coming_back import digest_is_due

RUN_SECONDS = 50.0  # beat comes each minute
HELD_SECONDS = 90  # longer than a run; a killed worker's run is over by then
TRIAGE = "inbox.tasks.triage"


@contextmanager
def only_run(name: str) -> Iterator[bool]:
    """False while another run is under way: more of them would only occupy the worker."""
    mine = cache.add(f"inbox-{name}", 1, timeout=HELD_SECONDS)
    try:
        yield mine
    finally:
        if mine:
            cache.delete(f"inbox-{name}")


@shared_task(acks_late=False)
def fetch_mail() -> str:
    """Begin a turn of every account that is due, each in a thread of its own. Old orders are void: beat comes again."""
    KEEPER.tidy()
    due = accounts.due()
    for account_id in due:
        fetch_account.apply_async((account_id,), expires=RUN_SECONDS)
    return told(len(due), f"{plural(len(due), 'account')} to look into")


@shared_task(acks_late=False)
def fetch_account(account_id: int) -> str:
    """One turn of one account; what it had no time for comes behind the turns of the others."""
    outcome = poll(account_id)
    if outcome.new:
        wake.wake(TRIAGE)
    if outcome.more:
        fetch_account.apply_async((account_id,), expires=RUN_SECONDS)
    return f"Account {account_id}: {outcome.sentence}"


@shared_task
def triage() -> str:
    """Parse and judge what waits, then push what is due."""
    with only_run("triage") as mine:
        done = services.triage_waiting(seconds=RUN_SECONDS) if mine else 0
    handed = pushes.push_waiting()
    return told(done + handed, f"{plural(done, 'message')} judged; {_pushed(handed)}")


@shared_task
def push() -> str:
    """Hand the pushes that are due to the outbox, as many as the cycle allows."""
    handed = pushes.push_waiting()
    return told(handed, _pushed(handed))


def _pushed(handed: int) -> str:
    return f"{plural(handed, 'push', 'pushes')} handed to the outbox"


@shared_task
def ask_llm() -> str:
    """Ask about what only the LLM can decide."""
    with only_run("llm") as mine:
        done = services.ask_waiting(seconds=RUN_SECONDS) if mine else 0
    return told(done, f"{plural(done, 'mail')} decided with the LLM's help")


@shared_task
def digest() -> str:
    """Send the day's digest when it is due, and raise the alarm when none went out in time."""
    now = timezone.now()
    sent = digest_is_due(now) and services.send_digest(now=now).sent
    alarm = services.raise_digest_alarm(now=now)
    if sent:
        return "The digest is in the outbox"
    return "The digest is missing" if alarm else Idle("No digest is due")


@shared_task
def escalate() -> str:
    """Tell of what nobody answered in time."""
    done = services.escalate()
    return told(done, f"{plural(done, 'mail')} escalated")
