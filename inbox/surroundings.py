"""What is known of a message beside itself, gathered before the stages run: they touch no database and no clock."""

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from inbox.mail.parsed import Address, Parsed
from inbox.models import Account, Mail, Message, Partner, Sender
from inbox.triage import verdicts
from inbox.triage.verdicts import Opinion, Surroundings
from missioncontrol.models import CLOSED, Task


def gather(
    message: Message,
    mail: Mail,
    parsed: Parsed,
    *,
    opinion: Opinion | None = None,
    now: datetime | None = None,
) -> Surroundings:
    """Everything that the pipeline may know, in a handful of short queries."""
    sender = Sender.objects.filter(address=parsed.sender.email[:320]).first() if parsed.sender.email else None
    row = match_partner(parsed.sender, message.account)
    return Surroundings(
        now=now or timezone.now(),
        account=message.account.address,
        own_addresses=own_addresses(),
        authserv_ids=frozenset(one.lower() for one in message.account.authserv_ids),
        fetched=message.fetched,
        sent=message.outgoing,
        received_at=message.received_at,
        partner=verdicts.Partner(row.tier, row.name, row.reason, row.matched) if row else None,
        contact=contact_of(sender),
        replies_to_us=replies_to_us(mail),
        blocked_sender=sender is not None and sender.blocked_at is not None,
        released=mail.released_at is not None,
        opinion=opinion,
    )


def own_addresses() -> frozenset[str]:
    """Every address of ours: accounts and their aliases."""
    rows = Account.objects.values_list("address", "addresses")
    return frozenset(one.lower() for address, aliases in rows for one in (address, *aliases))


def match_partner(sender: Address, account: Account) -> Partner | None:
    """The allowlist's row for a From address: exactly, or by domain suffix; the most urgent tier of several."""
    if not sender.email:
        return None
    mine = Q(account=None) | Q(account=account)
    matches = Q(address=sender.email[:320]) | Q(domain__in=suffixes(sender.domain))
    return Partner.objects.filter(mine & matches).order_by("tier", "-address", "id").first()


def suffixes(domain: str) -> list[str]:
    """`mail.partner.no` -> itself, `partner.no`, `no`: whole labels only."""
    labels = domain.split(".")[:20] if domain else []
    return [".".join(labels[n:]) for n in range(len(labels))]


def contact_of(sender: Sender | None) -> verdicts.Contact | None:
    """Why a sender counts as known; whether its mail can be trusted is the pipeline's question."""
    if sender is None:
        return None
    if sender.sent_count:
        found = ("sent", f"We wrote to {sender.address} before ({sender.sent_count} times).")
    elif sender.paperless_name:
        found = ("paperless", f"Paperless knows {sender.paperless_name}.")
    elif sender.released_at:
        found = ("released", f"{sender.released_by} released mail of {sender.address} from quarantine.")
    else:
        return None
    return verdicts.Contact(*found, open_task_id=_open_task(sender.address))


def replies_to_us(mail: Mail) -> bool:
    """Whether it names a mail that was found in one of our Sent folders."""
    return bool(mail.named) and Mail.objects.filter(message_id__in=mail.named, outgoing=True).exists()


def _open_task(address: str) -> int | None:
    tasks = Task.objects.filter(mails__messages__sender=address).exclude(status__in=CLOSED)
    return tasks.order_by("-id").values_list("pk", flat=True).first()
