"""The inbox's shapes on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field, model_validator

from alai.kernel.shapes import Body, Text
from inbox.models import Account, Content, Decision, Mail, Message, Partner, StageEvidence
from inbox.services.partners import LOWEST_TIER
from inbox.triage.verdicts import Action, Verdict

ClassificationName = Literal["ACTION", "INFO", "NEWSLETTER", "TRANSACTIONAL", "SPAM", "OWN"]
StatusName = Literal["new", "deferred", "quarantine", "task", "queue", "answered", "unanswered", "released"]
VerdictName = Literal["quarantine", "task", "queue", "deferred"]
Tier = Annotated[int, Field(ge=1, le=LOWEST_TIER, description="1 is the most urgent.")]
Address = Annotated[str, Field(max_length=320)]
Note = Annotated[str, Field(max_length=2000)]


class MailStandingOut(Schema):
    """What stands of a message, without anything that it says: answers to writes are kept for their repetition."""

    id: int
    message_id: str = Field(description="As in the header; empty when there is none.")
    account: str
    action: str = Field(description="The audit code of the decision that stands.")
    verdict: VerdictName
    classification: str
    priority: str
    reasons: list[str] = Field(description="Codes, the weightiest first.")
    score: float
    status: str = Field(description="new until it is judged, then the verdict.")
    task_id: int | None
    partner_tier: int = Field(description="0: no partner.")
    partner: str | None
    decided_by: str | None = Field(description="A stage of the pipeline, or a person.")
    decided_at: datetime | None
    received_at: datetime
    answered_at: datetime | None
    answered_by: str | None
    released_at: datetime | None
    reactor_pushed_at: datetime | None
    thread_id: int | None

    @classmethod
    def of(cls, message: Message) -> "MailStandingOut":
        return cls(**_standing(message))


class MailOut(MailStandingOut):
    subject: str
    from_addr: str
    from_name: str
    to: list[str] = Field(description="Name <address> of each.")
    snippet: str
    sent_at: datetime | None
    has_attachments: bool
    fetched: bool = Field(description="We took it from the account ourselves.")
    outgoing: bool
    size: int

    @classmethod
    def of(cls, message: Message) -> "MailOut":
        return cls(**_shown(message))


def _standing(message: Message) -> dict[str, Any]:
    """What is not read or judged yet is undecided like anything that waits for the LLM."""
    mail = message.mail or Mail(received_at=message.received_at)
    decided = mail.verdict != ""
    return {
        "id": message.pk,
        "message_id": f"<{mail.message_id}>" if mail.message_id else "",
        "account": message.account.address,
        "action": mail.action if decided else Action.LLM_DEFERRED.value,
        "verdict": mail.verdict if decided else Verdict.DEFERRED.value,
        "classification": mail.classification,
        "priority": mail.priority,
        "reasons": mail.reasons if decided else ["waiting"],
        "score": mail.score,
        "status": mail.verdict if decided else "new",
        "task_id": mail.task_id,
        "partner_tier": mail.partner_tier,
        "partner": mail.partner_name or None,
        "decided_by": mail.decided_by or None,
        "decided_at": mail.decided_at,
        "received_at": message.received_at,
        "answered_at": mail.answered_at,
        "answered_by": mail.answered_by or None,
        "released_at": mail.released_at,
        "reactor_pushed_at": mail.reactor_pushed_at,
        "thread_id": mail.thread_id,
    }


def _shown(message: Message) -> dict[str, Any]:
    return _standing(message) | {
        "subject": message.subject,
        "from_addr": message.sender,
        "from_name": message.sender_name,
        "to": message.to,
        "snippet": message.snippet,
        "sent_at": message.sent_at,
        "has_attachments": message.has_attachments,
        "fetched": message.fetched,
        "outgoing": message.outgoing,
        "size": message.size,
    }


class MailSignalOut(Schema):
    code: str
    weight: float
    detail: str


class MailStageOut(Schema):
    stage: str
    decided: bool
    signals: list[MailSignalOut]
    facts: dict[str, Any]

    @classmethod
    def of(cls, evidence: StageEvidence) -> "MailStageOut":
        return cls(
            stage=evidence.stage, decided=evidence.decided, signals=evidence.signals, facts=evidence.facts
        )


class MailDecisionOut(Schema):
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
    def of(cls, decision: Decision) -> "MailDecisionOut":
        return cls(
            **{name: getattr(decision, name) for name in MailDecisionOut.model_fields if name in _COLUMNS}
        )


_COLUMNS = frozenset(MailDecisionOut.model_fields)


class MailToldOut(MailDecisionOut):
    """A decision with what each stage saw."""

    stages: list[MailStageOut]

    @classmethod
    def of(cls, decision: Decision) -> "MailToldOut":
        stages = [MailStageOut.of(one) for one in decision.evidence.all()]
        return cls(**MailDecisionOut.of(decision).model_dump(), stages=stages)


class MailDetailOut(MailOut):
    cc: list[str]
    attachments: list[dict[str, Any]]
    findings: list[dict[str, Any]] = Field(description="What the parser had to work around.")
    text: str | None = Field(description="What a reader sees; null once its content is not kept any more.")
    decisions: list[MailToldOut] = Field(description="Oldest first.")

    @classmethod
    def told(cls, message: Message, decisions: list[Decision], content: Content | None) -> "MailDetailOut":
        return cls(
            **_shown(message),
            cc=message.cc,
            attachments=message.attachments,
            findings=message.findings,
            text=content.text if content else None,
            decisions=[MailToldOut.of(one) for one in decisions],
        )


class MailList(Schema):
    items: list[MailOut]
    next_cursor: str | None


class MailAuditLineOut(MailDecisionOut):
    mail_id: int
    message: int | None = Field(description="The message that was judged.")
    message_id: str
    account: str | None

    @classmethod
    def of(cls, decision: Decision) -> "MailAuditLineOut":
        message, mail = decision.message, decision.mail
        return cls(
            **MailDecisionOut.of(decision).model_dump(),
            mail_id=mail.pk,
            message=message.pk if message else None,
            message_id=f"<{mail.message_id}>" if mail.message_id else "",
            account=message.account.address if message else None,
        )


class MailAuditList(Schema):
    items: list[MailAuditLineOut]
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


class ErasureIn(Body):
    address: Address
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class ErasureOut(Schema):
    erased: int = Field(description="Messages.")


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


class MailAccountOut(Schema):
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
    def of(cls, account: Account) -> "MailAccountOut":
        fields = {name: getattr(account, name) for name in MailAccountOut.model_fields}
        return cls(**{**fields, "last_error": account.last_error or None})


class MailAccountList(Schema):
    items: list[MailAccountOut]
    next_cursor: str | None
