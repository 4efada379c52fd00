"""What comes back to people: the digest of each day, the alarm when there was none, escalations of unanswered mail."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.models import Notification
from alai.kernel.notifications import enqueue
from alai.kernel.principals import Principal
from alai.kernel.slack import escape
from inbox.access import SYSTEM
from inbox.digest import compose, waiting_for_answer
from inbox.models import Account, Digest, Escalation, Mail
from missioncontrol.services.common import acting_as

SUBJECT_LENGTH = 120
BATCH = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a digest: its text, its day, and whether it was handed to the outbox just now."""

    text: str
    date: date
    sent: bool


def send_digest(
    *, by: Principal = SYSTEM, force: bool = False, dry_run: bool = False, now: datetime | None = None
) -> Sent:
    """Send today's digest to the CEO's channel, once a day; `force` sends it again, `dry_run` only composes it."""
    moment = now or timezone.now()
    today = timezone.localtime(moment).date()
    last = Digest.objects.filter(date__lt=today).order_by("-date").first()
    composed = compose(now=moment, since=last.created_at if last else None)
    if dry_run:
        return Sent(composed.text, today, False)
    with acting_as(by), audit.writing():
        digest = _claim(today, by)
        if digest is None and not force:
            return Sent(composed.text, today, False)
        again = digest is None
        digest = digest or Digest.objects.select_for_update().get(date=today)
        notification = enqueue(
            event=f"inbox-digest:{today}",
            step=f"again {moment.isoformat()}" if again else "",
            recipient=settings.INBOX_SLACK_CHANNEL,
            text=composed.text,
        )
        Digest.objects.filter(pk=digest.pk).update(notification=notification, counts=composed.counts)
        composed.imported.update(digest=digest)
    return Sent(composed.text, today, True)


def digest_is_due(now: datetime) -> bool:
    """Whether it is past the digest's hour in TIME_ZONE, and none was made today; without accounts, never."""
    local = timezone.localtime(now)
    if local.time() < _digest_time() or not Account.objects.exists():
        return False
    return not Digest.objects.filter(date=local.date()).exists()


def missing_digest(now: datetime) -> str:
    """Why no digest went out although it is past the alarm's time; empty when all is well."""
    local = timezone.localtime(now)
    due = timezone.make_aware(datetime.combine(local.date(), _digest_time()))
    limit = timedelta(minutes=settings.INBOX_DIGEST_ALARM_MINUTES)
    if local < due + limit or not Account.objects.filter(created_at__lt=due).exists():
        return ""
    digest = Digest.objects.select_related("notification").filter(date=local.date()).first()
    if digest is None:
        return f"No digest was made on {local:%d %B}: run manage.py send_digest."
    told = digest.notification
    late = digest.created_at < now - limit
    if (
        late
        and told is not None
        and told.state not in (Notification.State.SENT, Notification.State.COALESCED)
    ):
        return f"The digest of {local:%d %B} is not in Slack ({told.state}): {told.last_error or 'no answer yet'}."
    return ""


def raise_digest_alarm(*, now: datetime | None = None) -> bool:
    """Tell once a day that the digest is missing; False when it is not."""
    moment = now or timezone.now()
    reason = missing_digest(moment)
    if not reason:
        return False
    with transaction.atomic():
        enqueue(
            event=f"inbox-digest:{timezone.localtime(moment).date()}",
            step="missing",
            recipient=settings.INBOX_SLACK_CHANNEL,
            text=f"[ALARM] {reason}",
        )
    return True


def escalate(*, by: Principal = SYSTEM, now: datetime | None = None) -> int:
    """Tell of ACTION mail that passed 24, 48, 72 or 96 hours without an answer, each once; answers how many.

    The hours are of the clock on the wall in TIME_ZONE. When several passed at once only the last is told.
    """
    moment = now or timezone.now()
    oldest_first = waiting_for_answer(moment).filter(
        received_at__lt=moment - timedelta(hours=min(settings.INBOX_SLA_HOURS) - 2)
    )
    done = Escalation.objects.filter(mail=OuterRef("pk"), hours=max(settings.INBOX_SLA_HOURS))
    told = 0
    for pk in oldest_first.exclude(Exists(done)).values_list("pk", flat=True)[:BATCH]:
        if told >= settings.INBOX_PUSHES_PER_CYCLE:
            break
        told += _escalate(pk, by, moment)
    return told


def _claim(today: date, by: Principal) -> Digest | None:
    """The day's row when it is ours to send; the constraint decides between two at once."""
    try:
        with transaction.atomic():
            return Digest.objects.create(date=today, by=by.actor)
    except IntegrityError:
        return None


def _escalate(mail_id: int, by: Principal, now: datetime) -> bool:
    with acting_as(by), audit.writing():
        mail = Mail.objects.select_for_update(skip_locked=True).unanswered().filter(pk=mail_id).first()
        if mail is None:
            return False
        told = set(mail.escalations.values_list("hours", flat=True))
        fresh = sorted(hours for hours in _passed(mail, now) if hours not in told)
        if not fresh:
            return False
        Escalation.objects.bulk_create(
            Escalation(mail=mail, hours=hours, told=hours == fresh[-1]) for hours in fresh
        )
        enqueue(
            event=f"mail:{mail.pk}",
            step=f"sla {fresh[-1]}",
            recipient=settings.INBOX_SLACK_CHANNEL,
            text=_escalation_text(mail, fresh[-1]),
        )
    return True


def _passed(mail: Mail, now: datetime) -> list[int]:
    received = timezone.localtime(mail.received_at)
    return [hours for hours in settings.INBOX_SLA_HOURS if received + timedelta(hours=hours) <= now]


def _escalation_text(mail: Mail, hours: int) -> str:
    message = mail.messages.select_related("account").order_by("id").first()
    if message is None:
        return f"[SLA {hours} h] A mail has no answer."
    who = escape((mail.partner_name or message.sender_name or message.sender)[:100])
    subject = escape(" ".join(message.subject.split())[:SUBJECT_LENGTH]) or "(no subject)"
    task = f" (task {mail.task_id})" if mail.task_id else ""
    return (
        f"[SLA {hours} h] No answer to {who}, who wrote to {escape(message.account.address)}: {subject}{task}"
    )


def _digest_time() -> time:
    return time.fromisoformat(settings.INBOX_DIGEST_AT)
