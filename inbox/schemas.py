"""The inbox's shapes on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field, model_validator

from alai.kernel.shapes import Body, Text
from inbox.models import Account, Content, Decision, Message, Partner, StageEvidence
from inbox.services.partners import LOWEST_TIER
from inbox.triage.verdicts import Action, Verdict

ClassificationName = Literal["ACTION", "INFO", "NEWSLETTER", "TRANSACTIONAL", "SPAM", "OWN"]
StatusName = Literal["new", "deferred", "quarantine", "task", "queue", "answered", "unanswered", "released"]
VerdictName = Literal["quarantine", "task", "queue", "deferred"]
Tier = Annotated[int, Field(ge=1, le=LOWEST_TIER, description="1 is the most urgent.")]
Address = Annotated[str, Field(max_length=320)]
Note = Annotated[str, Field(max_length=2000)]


class MessageOut(Schema):
    id: int
    message_id: str = Field(description="As in the header; empty when there is none.")
    account: str
    action: str = Field(description="The audit code of the decision that stands.")
    verdict: VerdictName
    classification: str
    priority: str
    reasons: list[str] = Field(description="Codes, the weightiest first.")
    score: float
    status: str
    task_id: int | None
    partner_tier: int = Field(description="0: no partner.")
    partner: str | None
    decided_by: str | None = Field(description="A stage of the pipeline, or a person.")
    decided_at: datetime | None
    subject: str
    from_addr: str
    from_name: str
    to: list[str] = Field(description="Name <address> of each.")
    snippet: str
    received_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    answered_by: str | None
    released_at: datetime | None
    reactor_pushed_at: datetime | None
    thread_id: int | None
    has_attachments: bool
    fetched: bool
    outgoing: bool
    size: int

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        return cls(**_shown(message))


def _shown(message: Message) -> dict[str, Any]:
    """What is not read or judged yet waits for the LLM's turn like anything undecided."""
    mail = message.mail
    decided = mail is not None and mail.verdict != ""
    return {
        "id": message.pk,
        "message_id": f"<{mail.message_id}>" if mail and mail.message_id else "",
        "account": message.account.address,
        "action": mail.action if mail and decided else Action.LLM_DEFERRED.value,
        "verdict": mail.verdict if mail and decided else Verdict.DEFERRED.value,
        "classification": mail.classification if mail else "",
        "priority": mail.priority if mail else "medium",
        "reasons": mail.reasons if mail and decided else ["waiting"],
        "score": mail.score if mail else 0.0,
        "status": mail.verdict if mail and decided else "new",
        "task_id": mail.task_id if mail else None,
        "partner_tier": mail.partner_tier if mail else 0,
        "partner": (mail.partner_name or None) if mail else None,
        "decided_by": (mail.decided_by or None) if mail else None,
        "decided_at": mail.decided_at if mail else None,
        "subject": message.subject,
        "from_addr": message.sender,
        "from_name": message.sender_name,
        "to": message.to,
        "snippet": message.snippet,
        "received_at": message.received_at,
        "sent_at": message.sent_at,
        "answered_at": mail.answered_at if mail else None,
        "answered_by": (mail.answered_by or None) if mail else None,
        "released_at": mail.released_at if mail else None,
        "reactor_pushed_at": mail.reactor_pushed_at if mail else None,
        "thread_id": mail.thread_id if mail else None,
        "has_attachments": message.has_attachments,
        "fetched": message.fetched,
        "outgoing": message.outgoing,
        "size": message.size,
    }


class SignalOut(Schema):
    code: str
    weight: float
    detail: str


class StageOut(Schema):
    stage: str
    decided: bool
    signals: list[SignalOut]
    facts: dict[str, Any]

    @classmethod
    def of(cls, evidence: StageEvidence) -> "StageOut":
        return cls(
            stage=evidence.stage, decided=evidence.decided, signals=evidence.signals, facts=evidence.facts
        )


class DecisionOut(Schema):
    id: int
    number: int
    at: datetime
    action: str
    verdict: str
    classification: str
    priority: str
    reasons: list[str]
    score: float
    stage: str
    by: str
    detail: str
    task_id: int | None

    @classmethod
    def of(cls, decision: Decision) -> "DecisionOut":
        return cls(**{name: getattr(decision, name) for name in DecisionOut.model_fields if name in _COLUMNS})


_COLUMNS = frozenset(DecisionOut.model_fields)


class ToldOut(DecisionOut):
    """A decision with what each stage saw."""

    stages: list[StageOut]

    @classmethod
    def of(cls, decision: Decision) -> "ToldOut":
        stages = [StageOut.of(one) for one in decision.evidence.all()]
        return cls(**DecisionOut.of(decision).model_dump(), stages=stages)


class MessageDetailOut(MessageOut):
    cc: list[str]
    attachments: list[dict[str, Any]]
    findings: list[dict[str, Any]] = Field(description="What the parser had to work around.")
    text: str | None = Field(description="What a reader sees; null once its content is not kept any more.")
    decisions: list[ToldOut] = Field(description="Oldest first.")

    @classmethod
    def told(cls, message: Message, decisions: list[Decision], content: Content | None) -> "MessageDetailOut":
        return cls(
            **_shown(message),
            cc=message.cc,
            attachments=message.attachments,
            findings=message.findings,
            text=content.text if content else None,
            decisions=[ToldOut.of(one) for one in decisions],
        )


class MessageList(Schema):
    items: list[MessageOut]
    next_cursor: str | None


class AuditLineOut(DecisionOut):
    mail_id: int
    message: int | None = Field(description="The message that was judged.")
    message_id: str
    account: str | None

    @classmethod
    def of(cls, decision: Decision) -> "AuditLineOut":
        message, mail = decision.message, decision.mail
        return cls(
            **DecisionOut.of(decision).model_dump(),
            mail_id=mail.pk,
            message=message.pk if message else None,
            message_id=f"<{mail.message_id}>" if mail.message_id else "",
            account=message.account.address if message else None,
        )


class AuditList(Schema):
    items: list[AuditLineOut]
    next_cursor: str | None


class NoteIn(Body):
    note: Note = ""


class ReclassifyIn(Body):
    classification: ClassificationName
    note: Note = ""


class DeclarePartnerIn(Body):
    tier: Tier = 1
    name: Annotated[str, Field(max_length=200)] = ""
    reason: Note = ""
    everywhere: bool = Field(default=True, description="False: only for mail to this account.")


class PartnerIn(Body):
    """Either an address (also called `email`) or a domain, which covers everything below it."""

    address: Address = ""
    email: Address = ""
    domain: Annotated[str, Field(max_length=253)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    tier: Tier = 1
    reason: Text = ""
    account: Address | None = Field(None, description="Only for mail to this account.")

    @model_validator(mode="after")
    def _one_name(self) -> "PartnerIn":
        self.address = self.address or self.email
        return self


class PartnerOut(Schema):
    id: int
    address: str | None
    email: str | None
    domain: str | None
    name: str
    tier: int
    reason: str
    account: str | None
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, partner: Partner) -> "PartnerOut":
        return cls(
            id=partner.pk,
            address=partner.address or None,
            email=partner.address or None,
            domain=partner.domain or None,
            name=partner.name,
            tier=partner.tier,
            reason=partner.reason,
            account=partner.account.address if partner.account else None,
            created_by=partner.created_by,
            created_at=partner.created_at,
        )


class PartnerList(Schema):
    items: list[PartnerOut]
    next_cursor: str | None


class AccountOut(Schema):
    address: str
    kind: str
    enabled: bool
    triage: str
    llm: str
    checked_at: datetime | None
    succeeded_at: datetime | None
    failures: int
    last_error: str | None
    behind: int
    cutover_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> "AccountOut":
        fields = {name: getattr(account, name) for name in AccountOut.model_fields}
        return cls(**{**fields, "last_error": account.last_error or None})


class AccountList(Schema):
    items: list[AccountOut]
    next_cursor: str | None
