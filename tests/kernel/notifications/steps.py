"""Small steps through the outbox."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from alai.kernel.models import Notification, NotificationChannel
from alai.kernel.notifications import claim, deliver, enqueue, settle
from alai.kernel.slack import Slack, usable_token

OPS = "C0OPS"
State = Notification.State


def tell(number: int = 1, *, channel: str = OPS, text: str = "") -> Notification:
    """Put a message about an event of that number into the outbox."""
    return enqueue(event=f"incident:{number}", recipient=channel, text=text or f"Message {number}")


def step() -> str:
    """One exchange with Slack, of a channel that is ready; `idle` when none is."""
    deliver(seconds=0)  # opens queues and expires, sends nothing
    turn = claim()
    if turn is None:
        return "idle"
    with Slack(url=settings.SLACK_API_URL, token=usable_token(settings.SLACK_BOT_TOKEN)) as slack:
        return settle(turn, slack)


def let_time_pass(seconds: float = 3600) -> None:
    """For the queues: back-offs end, and a sender's hold runs out."""
    NotificationChannel.objects.update(
        ready_at=F("ready_at") - timedelta(seconds=seconds),
        locked_until=F("locked_until") - timedelta(seconds=seconds),
    )


def seconds_until_ready(channel: str = OPS) -> float:
    """How long the channel waits from now on, by the database's clock."""
    queue = NotificationChannel.objects.annotate(now=Now()).get(name=channel)
    return float((queue.ready_at - queue.now).total_seconds())


def states() -> list[str]:
    """Of all messages, in order."""
    return list(Notification.objects.order_by("id").values_list("state", flat=True))
