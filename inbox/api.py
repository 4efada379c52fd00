"""The inbox over HTTP: each endpoint is typed in, one call, typed out."""

from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import Field

from alai.kernel.api import PROBLEMS, Scope, caller, idempotent
from alai.kernel.errors import Invalid, TooLarge
from alai.kernel.pagination import DEFAULT_LIMIT, MAX_LIMIT
from inbox import selectors, services
from inbox.models import Content, Message
from inbox.schemas import (
    ClassificationName,
    DeclarePartnerIn,
    ErasureIn,
    ErasureOut,
    MailAccountList,
    MailAccountOut,
    MailAuditLineOut,
    MailAuditList,
    MailDetailOut,
    MailList,
    MailOut,
    MailStandingOut,
    NoteIn,
    PartnerIn,
    PartnerList,
    PartnerOut,
    ReclassifyIn,
    StatusName,
)
from inbox.triage.verdicts import Action, Classification

router = Router(tags=["inbox"])
READ = Scope("inbox:read", "inbox:write")
WRITE = Scope("inbox:write")
NO_NOTE = NoteIn()
AS_PARTNER = DeclarePartnerIn()

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]
Names = Annotated[list[Annotated[str, Field(max_length=254)]], Query(max_length=50)]
RAW = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def standing(message_id: int) -> MailStandingOut:
    return MailStandingOut.of(Message.objects.for_display().get(pk=message_id))


@router.post(
    "/inbox/messages",
    auth=WRITE,
    response={200: MailStandingOut, 201: MailStandingOut, **PROBLEMS},
    operation_id="post_mail",
    openapi_extra=idempotent(RAW),
)
def post_mail(
    request: HttpRequest, account: Annotated[str, Query(min_length=1, max_length=320)]
) -> Status[MailStandingOut]:
    """Hand in a raw RFC 5322 message of up to 30 MB; 200 when it is known already. Never waits on the network.

    An unknown account becomes a feed. What only the LLM can decide is `deferred` and decided within minutes.
    """
    message, new = services.take_in(by=caller(request), address=account, raw=_raw(request))
    return Status(201 if new else 200, standing(message.pk))


@router.get("/inbox/messages", auth=READ, response={200: MailList, **PROBLEMS}, operation_id="list_mail")
def list_mail(
    request: HttpRequest,
    account: Names = [],  # noqa: B006 - ninja copies it
    status: Annotated[list[StatusName], Query(max_length=10)] = [],  # noqa: B006
    classification: Annotated[list[ClassificationName], Query(max_length=10)] = [],  # noqa: B006
    partner: Annotated[str, Query(max_length=320)] = "",
    q: Annotated[str, Query(max_length=500)] = "",
    unanswered_hours: Annotated[int | None, Query(ge=0, le=100_000)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> MailList:
    """Messages, newest first. Repeat a filter to mean any of.

    `partner` is true, false, a tier, or a partner's address, domain or name. `unanswered_hours` finds what needs a
    person and has had no answer for so long. `q` returns at most 200, best first, without a cursor.
    """
    filters = selectors.MessageFilters(
        accounts=account,
        statuses=list(status),
        classifications=list(classification),
        partner=partner.strip(),
        words=q.strip(),
        unanswered_hours=unanswered_hours,
    )
    page = selectors.list_messages(caller(request), filters, limit=limit, cursor=cursor)
    return MailList(items=[MailOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.get(
    "/inbox/messages/{int:message_id}",
    auth=READ,
    response={200: MailDetailOut, **PROBLEMS},
    operation_id="get_mail",
)
def get_mail(request: HttpRequest, message_id: int) -> MailDetailOut:
    """A message with its text, and how each decision on it came about."""
    message = selectors.visible_message(caller(request), message_id)
    content = Content.objects.filter(message=message).defer("data").first()
    return MailDetailOut.told(message, selectors.story(message), content)


@router.post(
    "/inbox/messages/{int:message_id}/release",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="release_mail",
    openapi_extra=idempotent(),
)
def release_mail(request: HttpRequest, message_id: int, body: NoteIn = NO_NOTE) -> MailStandingOut:
    """Out of quarantine: it is judged on, and its sender is remembered."""
    services.release(by=caller(request), message_id=message_id, note=body.note)
    return standing(message_id)


@router.post(
    "/inbox/messages/{int:message_id}/promote",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="promote_mail",
    openapi_extra=idempotent(),
)
def promote_mail(request: HttpRequest, message_id: int, body: NoteIn = NO_NOTE) -> MailStandingOut:
    """Make a task of it, whatever was decided."""
    services.promote(by=caller(request), message_id=message_id, note=body.note)
    return standing(message_id)


@router.post(
    "/inbox/messages/{int:message_id}/answered",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="mail_answered",
    openapi_extra=idempotent(),
)
def mail_answered(request: HttpRequest, message_id: int) -> MailStandingOut:
    """Somebody answered from elsewhere: digests and escalations leave it alone."""
    services.mark_answered(by=caller(request), message_id=message_id)
    return standing(message_id)


@router.post(
    "/inbox/messages/{int:message_id}/reclassify",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="reclassify_mail",
    openapi_extra=idempotent(),
)
def reclassify_mail(request: HttpRequest, message_id: int, body: ReclassifyIn) -> MailStandingOut:
    """Say what it is. What is no ACTION is pushed and escalated no more."""
    services.reclassify(
        by=caller(request),
        message_id=message_id,
        classification=Classification(body.classification),
        note=body.note,
    )
    return standing(message_id)


@router.post(
    "/inbox/messages/{int:message_id}/never-again",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="never_again",
    openapi_extra=idempotent(),
)
def never_again(request: HttpRequest, message_id: int, body: NoteIn = NO_NOTE) -> MailStandingOut:
    """Block the sender: this mail is spam, later ones disturb nobody."""
    services.never_again(by=caller(request), message_id=message_id, note=body.note)
    return standing(message_id)


@router.delete(
    "/inbox/messages/{int:message_id}/never-again",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="forgive_sender",
)
def forgive(request: HttpRequest, message_id: int) -> MailStandingOut:
    """Take "never again" back: later mail of the sender is judged like any other."""
    message = selectors.visible_message(caller(request), message_id)
    services.forgive(by=caller(request), address=message.sender)
    return standing(message_id)


@router.post(
    "/inbox/messages/{int:message_id}/partner",
    auth=WRITE,
    response={200: MailStandingOut, **PROBLEMS},
    operation_id="declare_partner",
    openapi_extra=idempotent(),
)
def declare_partner(
    request: HttpRequest, message_id: int, body: DeclarePartnerIn = AS_PARTNER
) -> MailStandingOut:
    """This sender is a partner from now on."""
    services.declare_partner(by=caller(request), message_id=message_id, **body.model_dump())
    return standing(message_id)


@router.get("/inbox/audit", auth=READ, response={200: MailAuditList, **PROBLEMS}, operation_id="inbox_audit")
def audit(
    request: HttpRequest, action: Action | None = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> MailAuditList:
    """Every decision, newest first."""
    page = selectors.list_audit(
        caller(request), action=action.value if action else "", limit=limit, cursor=cursor
    )
    return MailAuditList(items=[MailAuditLineOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.get("/inbox/partners", auth=READ, response={200: PartnerList, **PROBLEMS}, operation_id="partners")
def list_partners(request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> PartnerList:
    """The allowlist."""
    page = selectors.list_partners(caller(request), limit=limit, cursor=cursor)
    return PartnerList(items=[PartnerOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.post(
    "/inbox/partners",
    auth=WRITE,
    response={201: PartnerOut, **PROBLEMS},
    operation_id="add_partner",
    openapi_extra=idempotent(),
)
def add_partner(request: HttpRequest, body: PartnerIn) -> Status[PartnerOut]:
    """Add an address or a domain; one that is there already gets the new name, tier and reason."""
    fields = body.model_dump(exclude={"email"})
    return Status(201, PartnerOut.of(services.add_partner(by=caller(request), **fields)))


@router.delete(
    "/inbox/partners/{int:partner_id}",
    auth=WRITE,
    response={204: None, **PROBLEMS},
    operation_id="remove_partner",
)
def remove_partner(request: HttpRequest, partner_id: int) -> Status[None]:
    services.remove_partner(by=caller(request), partner_id=partner_id)
    return Status(204, None)


@router.post(
    "/inbox/erasures",
    auth=Scope("admin"),
    response={200: ErasureOut, **PROBLEMS},
    operation_id="erase_sender",
    openapi_extra=idempotent(),
)
def erase_sender(request: HttpRequest, body: ErasureIn) -> ErasureOut:
    """Take away what a sender wrote: contents, subjects, names. What was decided stays."""
    erased = services.erase_sender(by=caller(request), address=body.address, reason=body.reason)
    return ErasureOut(erased=erased)


@router.get(
    "/inbox/accounts", auth=READ, response={200: MailAccountList, **PROBLEMS}, operation_id="accounts"
)
def list_accounts(
    request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> MailAccountList:
    """The mailboxes and their health."""
    page = selectors.list_accounts(caller(request), limit=limit, cursor=cursor)
    return MailAccountList(items=[MailAccountOut.of(one) for one in page.items], next_cursor=page.next_cursor)


def _raw(request: HttpRequest) -> bytes:
    raw = request.body
    if not raw:
        raise Invalid("The body is empty: send the raw message (Content-Type: message/rfc822).")
    if len(raw) > settings.INBOX_MESSAGE_MAX_BYTES:
        raise TooLarge(f"A message has at most {settings.INBOX_MESSAGE_MAX_BYTES} bytes here.")
    return raw
