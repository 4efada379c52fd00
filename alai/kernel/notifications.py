"""The notification outbox: never lost, in order, doubled only if Slack accepts a message after our look-up.

`enqueue` writes a row in the transaction of what happened. `deliver` sends: it claims a channel with one
statement, hands the oldest message to Slack without holding a transaction open, and records the outcome under
the fence of its claim. A message whose fate is unknown (time-out, kill -9) is looked up before another try.
Only the database's clock decides.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from alai.kernel import wake
from alai.kernel.jobs import told
from alai.kernel.models import Notification, NotificationChannel
from alai.kernel.slack import TEXT_LIMIT, NotTaken, Refused, Slack, SlackError, usable_token

logger = logging.getLogger(__name__)

DEFAULT_CHANNEL = "default"  # whatever SLACK_DEFAULT_CHANNEL names when the message leaves
LEASE_SECONDS = 120.0  # twice the longest exchange with Slack
RUN_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 2.0
BACKOFF_LIMIT_SECONDS = 600.0
JOIN_LIMIT = 1000
DELIVER_TASK = "alai.kernel.tasks.deliver_notifications"
State = Notification.State

CLAIM_CHANNEL = """
UPDATE kernel_notificationchannel
SET locked_until = statement_timestamp() + make_interval(secs => %s), fence = fence + 1
WHERE name = (
    SELECT c.name FROM kernel_notificationchannel c
    WHERE c.ready_at <= statement_timestamp()
      AND coalesce(c.locked_until, '-infinity') <= statement_timestamp()
      AND EXISTS (SELECT 1 FROM kernel_notification n
                  WHERE n.channel = c.name AND n.state IN ('pending', 'sending')
                    AND n.not_before <= statement_timestamp())
    ORDER BY c.ready_at, c.name LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING name, fence, failures, unreached_since IS NOT NULL
"""

NEXT_READY = """
SELECT extract(epoch FROM min(c.ready_at) - statement_timestamp())::float
FROM kernel_notificationchannel c
WHERE coalesce(c.locked_until, '-infinity') <= statement_timestamp()
  AND EXISTS (SELECT 1 FROM kernel_notification n
              WHERE n.channel = c.name AND n.state IN ('pending', 'sending')
                AND n.not_before <= statement_timestamp())
"""

OPEN_QUEUES = """
INSERT INTO kernel_notificationchannel (name, fence, failures)
SELECT DISTINCT n.channel, 0, 0 FROM kernel_notification n
WHERE n.state IN ('pending', 'sending') AND n.channel <> 'default'
  AND NOT EXISTS (SELECT 1 FROM kernel_notificationchannel c WHERE c.name = n.channel)
ON CONFLICT DO NOTHING
"""

# SKIP LOCKED: a sender that joins messages holds their rows, and two orders of locking would be a deadlock.
EXPIRE = """
UPDATE kernel_notification SET state = 'expired'
WHERE id IN (SELECT id FROM kernel_notification
             WHERE state = 'pending' AND not_after <= statement_timestamp()
             FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True)
class Turn:
    """A claimed channel with the head of its queue."""

    notification: Notification
    text: str
    uncertain: bool  # it may be in Slack already: look before sending
    fence: int
    failures: int
    started: float


def enqueue(
    *,
    event: str,
    recipient: str,
    text: str,
    step: str = "",
    not_after: datetime | None = None,
    not_before: datetime | None = None,
    payload: dict[str, Any] | None = None,
) -> Notification:
    """Tell `recipient` about a step of an event, once: the same three again answer the first row.

    Call it in the transaction of what happened. `recipient` is a Slack channel id, `user:U123` (a direct
    message) or `DEFAULT_CHANNEL`. `text` is Slack's mrkdwn: pass what strangers wrote through `slack.escape`.
    `payload` holds further fields of chat.postMessage such as `blocks` (not `thread_ts`: a channel's history
    shows no replies, so a lost answer could not be looked up).
    """
    if payload and "thread_ts" in payload:
        raise ValueError("A notification cannot be a threaded reply: leave thread_ts out of its payload.")
    notification, created = Notification.objects.get_or_create(
        event=_storable(event),
        recipient=recipient,
        step=step,
        defaults={
            "channel": _channel_of(recipient),
            "text": _storable(text),
            "payload": payload,
            "not_after": not_after,
            **({"not_before": not_before} if not_before else {}),
        },
    )
    if created:
        _wake_after_commit()
    return notification


def send_again(*, ids: Iterable[int]) -> int:
    """Put failed and expired notifications back into their queues; answers how many.

    What was handed to Slack before is looked up first.
    """
    again = Notification.objects.filter(pk__in=list(ids), state__in=(State.FAILED, State.EXPIRED)).update(
        state=Case(When(tried_at=None, then=Value(State.PENDING)), default=Value(State.SENDING)),
        not_after=None,
    )
    if again:
        _wake_after_commit()
    return again


def deliver(*, seconds: float = RUN_SECONDS) -> str:
    """Send what is due, for at most about `seconds`; answers a sentence. Any number may run at once."""
    done: Counter[str] = Counter(expired=_tidy())
    token = usable_token(settings.SLACK_BOT_TOKEN)
    if not token:
        NotificationChannel.objects.filter(
            unreached_since=None, name__in=_undecided().values("channel")
        ).update(unreached_since=Now())
        return _sentence(done)
    until = time.monotonic() + seconds
    with Slack(url=settings.SLACK_API_URL, token=token) as slack:
        while time.monotonic() < until:
            turn = claim()
            if turn is not None:
                done[settle(turn, slack)] += 1
            elif not _pause(until):
                break
            done["expired"] += _tidy()
    return _sentence(done)


def claim() -> Turn | None:
    """Take a channel that is ready and the oldest undecided message in it; None when nothing is due."""
    started = time.monotonic()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(CLAIM_CHANNEL, [LEASE_SECONDS])
            claimed = cursor.fetchone()
        if claimed is None:
            return None
        name, fence, failures, unreached = claimed
        head = _due(name).select_for_update().first()
        if head is None:  # it expired between the two statements
            NotificationChannel.objects.filter(name=name).update(locked_until=None)
            return None
        uncertain = head.state == State.SENDING
        text = head.text
        if not uncertain:
            text = "\n".join([text, *(_join(head) if unreached else [])])
            Notification.objects.filter(pk=head.pk).update(
                state=State.SENDING, attempts=F("attempts") + 1, tried_at=Now()
            )
    return Turn(head, text, uncertain, fence, failures, started)


def settle(turn: Turn, slack: Slack) -> str:
    """One exchange with Slack about a claimed message, and its outcome: sent, failed or waiting."""
    message = turn.notification
    if time.monotonic() - turn.started > LEASE_SECONDS / 2:
        return "waiting"  # this process was suspended; by now another one may be looking the message up
    try:
        ts = _look_up(message, slack) if turn.uncertain else _post(turn, slack)
    except Refused as error:
        doubt = "Slack may have it; the look-up was refused: " if turn.uncertain else ""
        return _fail(turn, f"{doubt}{error}")
    except NotTaken as error:
        return _wait(turn, error, State.SENDING if turn.uncertain else State.PENDING, error.seconds)
    except SlackError as error:
        return _wait(turn, error, State.SENDING)
    if ts is None:
        return _close(turn, "waiting", {"state": State.PENDING}, {"ready_at": Now()})
    sent = {"state": State.SENT, "sent_at": Now(), "provider_ref": ts[:64], "last_error": ""}
    return _close(turn, "sent", sent, _reached(message.channel))


def delivery_status() -> str:
    """What hinders delivery, in one sentence; empty when nothing does."""
    waiting = _count(_undecided().count())
    if not usable_token(settings.SLACK_BOT_TOKEN):
        return f"{waiting} for Slack: set SLACK_BOT_TOKEN to a bot token."
    homeless = _undecided().filter(channel=DEFAULT_CHANNEL).count()
    if homeless and not settings.SLACK_DEFAULT_CHANNEL:
        return f"{_count(homeless)} for a channel: set SLACK_DEFAULT_CHANNEL."
    troubled = NotificationChannel.objects.filter(failures__gt=0, name__in=_undecided().values("channel"))
    worst = troubled.exclude(unreached_since=None).order_by("unreached_since").first()
    if worst is not None and worst.unreached_since is not None:
        head = _due(worst.name).first()
        since = timezone.localtime(worst.unreached_since).strftime("%d %b %H:%M")
        reason = head.last_error if head else ""
        return f"{waiting}: Slack has taken none in {worst.name} since {since} ({reason})."
    failed = Notification.objects.filter(state=State.FAILED, created_at__gte=Now() - timedelta(days=1))
    if last := failed.order_by("-id").first():
        return f"{failed.count()} of the last day's notifications failed, the last with: {last.last_error}."
    return ""


def waiting() -> int:
    """How many notifications are not decided yet."""
    return _undecided().count()


def _undecided() -> QuerySet[Notification]:
    return Notification.objects.filter(state__in=Notification.UNDECIDED)


def _due(channel: str) -> QuerySet[Notification]:
    return _undecided().filter(channel=channel, not_before__lte=Now()).order_by("id")


def _tidy() -> int:
    """Address, queue and expire; answers how many expired."""
    if settings.SLACK_DEFAULT_CHANNEL:
        _undecided().filter(channel=DEFAULT_CHANNEL).update(channel=settings.SLACK_DEFAULT_CHANNEL)
    with connection.cursor() as cursor:
        cursor.execute(OPEN_QUEUES)
        cursor.execute(EXPIRE)
        expired: int = cursor.rowcount
    return expired


def _join(head: Notification) -> list[str]:
    """After an outage the head carries those behind it as lines, unless they are few; answers their texts."""
    waiting = list(_due(head.channel).exclude(pk=head.pk).select_for_update()[:JOIN_LIMIT])
    if len(waiting) < settings.NOTIFICATION_COALESCE_AFTER:
        return []
    carried, room = [], TEXT_LIMIT - len(head.text)
    for message in waiting:
        room -= len(message.text) + 1
        if room < 0:
            break
        carried.append(message)
    Notification.objects.filter(pk__in=[message.pk for message in carried]).update(
        state=State.COALESCED, carried_by=head
    )
    return [message.text for message in carried]


def _post(turn: Turn, slack: Slack) -> str:
    message = turn.notification
    alone = turn.text == message.text
    # Slack shows blocks instead of the text, so a message that carries others goes without its own.
    return slack.post(
        target=message.channel, text=turn.text, key=message.key, payload=message.payload if alone else None
    )


def _look_up(message: Notification, slack: Slack) -> str | None:
    near = message.tried_at or message.created_at
    return slack.find(target=message.channel, key=message.key, near=near.timestamp())


def _fail(turn: Turn, reason: str) -> str:
    logger.warning("A notification failed", extra={"notification_id": turn.notification.pk, "reason": reason})
    changes = {"state": State.FAILED, "last_error": reason[:300]}
    return _close(turn, "failed", changes, _reached(turn.notification.channel))


def _wait(turn: Turn, error: SlackError, state: State, seconds: float | None = None) -> str:
    delay = min(BACKOFF_LIMIT_SECONDS, 2.0 ** min(turn.failures, 20))
    jittered = delay * random.uniform(0.5, 1)  # noqa: S311
    queue = {
        "ready_at": Now() + timedelta(seconds=jittered if seconds is None else seconds),
        "failures": F("failures") + 1,
        "unreached_since": Case(When(unreached_since=None, then=Now()), default=F("unreached_since")),
    }
    return _close(turn, "waiting", {"state": state, "last_error": str(error)[:300]}, queue)


def _close(turn: Turn, outcome: str, changes: dict[str, Any], queue: dict[str, Any]) -> str:
    """Record the outcome and let the channel go, if it is still ours."""
    message = turn.notification
    with transaction.atomic():
        ours = NotificationChannel.objects.filter(name=message.channel, fence=turn.fence)
        if not ours.update(locked_until=None, **queue):
            logger.warning("A late sender's outcome is dropped", extra={"notification_id": message.pk})
            return "waiting"
        Notification.objects.filter(pk=message.pk).update(**changes)
        if changes["state"] in (State.PENDING, State.FAILED):  # those it carried stand for themselves again
            Notification.objects.filter(carried_by=message).update(state=State.PENDING, carried_by=None)
    return outcome


def _reached(channel: str) -> dict[str, Any]:
    """The queue's state after Slack answered. While a pile is left, the outage is not over for it."""
    piled = _due(channel).count() > settings.NOTIFICATION_COALESCE_AFTER
    pace = timedelta(seconds=settings.NOTIFICATION_PACE_SECONDS)
    return {"failures": 0, "ready_at": Now() + pace, **({} if piled else {"unreached_since": None})}


def _pause(until: float) -> bool:
    """Wait for the next channel's pace; False when nothing becomes ready soon."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_READY)
        (seconds,) = cursor.fetchone()
    if seconds is None or seconds > LONGEST_PAUSE_SECONDS:
        return False
    time.sleep(max(0.01, min(seconds, until - time.monotonic())))
    return True


def _wake_after_commit() -> None:
    if settings.SLACK_BOT_TOKEN:
        wake.after_commit(DELIVER_TASK)


def _channel_of(recipient: str) -> str:
    return (settings.SLACK_DEFAULT_CHANNEL or recipient) if recipient == DEFAULT_CHANNEL else recipient


def _storable(text: str) -> str:
    """PostgreSQL stores neither NUL nor half a surrogate pair; a message must not break what it is about."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _count(number: int) -> str:
    return f"{number} notification{'s wait' if number != 1 else ' waits'}"


def _sentence(done: Counter[str]) -> str:
    waiting = _undecided().count()
    parts = [f"{done['sent']} notification{'' if done['sent'] == 1 else 's'} sent"]
    parts += [f"{done[outcome]} {outcome}" for outcome in ("failed", "expired") if done[outcome]]
    parts += [f"{waiting} wait{'s' if waiting == 1 else ''}"] if waiting else []
    return told(done.total(), ", ".join(parts))
