"""Reading messages and memories."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.postgres.search import SearchRank
from django.db import connection
from django.db.models import F, FloatField, Q, QuerySet, Value
from django.db.models.functions import Greatest, Ln

from alai.kernel import pagination
from alai.kernel.errors import Invalid
from alai.kernel.pagination import MAX_BIGINT, Page
from missioncontrol import search
from missioncontrol.models import Memory, Message
from missioncontrol.querysets import ClockTimestamp

# Of a frequent word's matches only those of the best standing are ranked by their words too.
CANDIDATES = 500
LEAST_RANK = Value(1e-6, output_field=FloatField())


@dataclass(frozen=True, slots=True)
class MemoryFilters:
    """What is looked for; empty means no filter."""

    words: str = ""
    kind: str = ""
    agent: str = ""
    tag: str = ""
    key: str = ""
    revisions: bool = False


def recall(filters: MemoryFilters, *, limit: int, cursor: str | None) -> Page[Memory]:
    """Memories that have not expired: for words the best by words, importance and recency; else newest first."""
    memories = _filtered(filters)
    if not filters.words:
        return pagination.by_id(memories, limit=limit, cursor=cursor)
    query = search.web_query(filters.words)
    likely = memories.filter(vector=query).order_by("-standing", "-id").values("pk")[:CANDIDATES]
    by_words = Ln(Greatest(SearchRank(F("vector"), query), LEAST_RANK))
    best = Memory.objects.filter(pk__in=likely).annotate(score=by_words + F("standing"))
    return Page(list(best.order_by("-score", "-id").defer("vector")[: min(limit, search.LIMIT)]), None)


def _filtered(filters: MemoryFilters) -> QuerySet[Memory]:
    wanted = {"kind": filters.kind, "agent": filters.agent, "key": filters.key}
    conditions = {name: value for name, value in wanted.items() if value}
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=ClockTimestamp())
    memories = Memory.objects.filter(alive, **conditions)
    if not filters.revisions:
        memories = memories.filter(is_current=True)
    if filters.tag:
        memories = memories.filter(tags__contains=[filters.tag])
    return memories.defer("vector")


@dataclass(frozen=True, slots=True)
class MessagePage(Page[Message]):
    """`position` is where `after_id` goes on."""

    position: str


def list_messages(channels: Sequence[str], *, after: str, limit: int, cursor: str | None) -> MessagePage:
    """A page in the order of time: the latest of the channels (of all, when none is named) and by `cursor` those
    before, or what came `after`."""
    messages = _of(channels)
    if not after:
        position = pagination.encode(
            pagination.safe_xid(), 0
        )  # read first: what commits meanwhile comes again
        page = pagination.by_id(messages, limit=limit, cursor=cursor)
        return MessagePage(list(reversed(page.items)), page.next_cursor, position)
    feed = pagination.committed_after(messages, _position(after), limit=limit)
    position = pagination.encode(*feed.position)
    return MessagePage(feed.items, position if feed.more else None, position)


def before_latest(channels: Sequence[str], count: int) -> tuple[int, int]:
    """The position after which the latest `count` messages of the channels come, and what is said from now on."""
    safe = str(pagination.safe_xid())
    settled = _of(channels).extra(where=["xid < %s::text::xid8"], params=[safe])
    earlier = settled.order_by("-xid", "-id").values_list("xid", "id")[count : count + 1].first()
    return (int(earlier[0]), earlier[1]) if earlier else (0, 0)


def _of(channels: Sequence[str]) -> QuerySet[Message]:
    """All of them, when none is named."""
    return Message.objects.filter(channel__in=channels) if channels else Message.objects.all()


def _position(after: str) -> tuple[int, int]:
    """The place inside a position, or that of a message by its number."""
    if not (after.isascii() and after.isdigit()):
        return pagination.decode_position(after, "after_id")
    if int(after) == 0:
        return 0, 0
    if int(after) > MAX_BIGINT:
        raise _no_message(after)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xid::text::bigint, id FROM missioncontrol_message WHERE id = %s", [int(after)])
        row: tuple[int, int] | None = cursor.fetchone()
    if row is None:
        raise _no_message(after)
    return row


def _no_message(number: str) -> Invalid:
    return Invalid(
        f"There is no message {number}.", errors=[{"loc": ["query", "after_id"], "msg": "no message"}]
    )
