"""The words of the pipeline: what may be decided, on what evidence, and what is known beforehand.

Codes are the handbook's ("Audit Log Codes") and the contract's (section 4).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from inbox.mail.parsed import Parsed


class Verdict(StrEnum):
    QUARANTINE = "quarantine"  # kept away from everybody until a person releases it
    TASK = "task"  # somebody must act: a task, and perhaps a push
    QUEUE = "queue"  # stored and readable, nobody is disturbed
    DEFERRED = "deferred"  # undecided: the LLM did not answer yet; the digest lists it after six hours


class Action(StrEnum):
    LINKED = "linked"
    RELINKED = "relinked_via_dedup"
    QUARANTINED = "security_quarantine"
    LLM_YES = "llm_yes"
    LLM_NO = "llm_no"
    NEWSLETTER = "newsletter_heuristic"
    TRANSACTIONAL = "transactional_heuristic"
    DRY_RUN = "dry_run"
    CREATE_FAILED = "create_failed"
    UPDATE_FAILED = "update_failed"
    PARTNER = "partner_override"
    PARTNER_UNVERIFIED = "partner_unverified"
    LLM_DEFERRED = "llm_deferred"
    AUTOMATIC = "automatic"
    OWN = "own"
    TOO_OLD = "too_old"
    IMPORTED = "imported"


class Classification(StrEnum):
    ACTION = "ACTION"  # needs a person; digests, SLA and pushes look at these
    INFO = "INFO"
    NEWSLETTER = "NEWSLETTER"
    TRANSACTIONAL = "TRANSACTIONAL"
    SPAM = "SPAM"
    OWN = "OWN"


@dataclass(frozen=True, slots=True)
class Signal:
    """One explainable observation: a stable code, its weight in points (0: noted only), a sentence for people."""

    code: str
    weight: float
    detail: str


@dataclass(frozen=True, slots=True)
class Partner:
    """The row of the allowlist that the From address matched."""

    tier: int
    name: str
    reason: str
    matched: str  # the address or the domain suffix


@dataclass(frozen=True, slots=True)
class Contact:
    """Why a sender counts as known: `source` is `sent`, `paperless` or `released`."""

    source: str
    detail: str
    open_task_id: int | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the LLM said: True is YES, False is NO, None no usable answer (deferred)."""

    yes: bool | None
    detail: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that stages may know beside the message, gathered before they run: they touch no network, no clock.

    `fetched` is true for mail that we took from the account ourselves: only then are its Authentication-Results
    ours to trust, and only those of `authserv_ids` (empty: the topmost header's, whoever wrote it, is not trusted;
    an empty string among them stands for servers that write no id, as Microsoft's do).
    """

    now: datetime
    account: str = ""
    own_addresses: frozenset[str] = frozenset()
    authserv_ids: frozenset[str] = frozenset()
    fetched: bool = False
    sent: bool = False  # taken from the account's own Sent folder
    received_at: datetime | None = None
    partner: Partner | None = None
    contact: Contact | None = None
    replies_to_us: bool = False  # In-Reply-To or References name a message that we sent
    blocked_sender: bool = False  # a person said "never again"
    released: bool = False  # a person released it from quarantine: the scan annotates
    opinion: Opinion | None = None  # None: the LLM has not been asked


@dataclass(frozen=True, slots=True)
class Decision:
    """How a message ends."""

    verdict: Verdict
    action: Action
    classification: Classification
    priority: str = "medium"
    reasons: tuple[str, ...] = ()  # codes, the weightiest first
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one stage made of a message: evidence always, a decision when it is sure, facts for later stages."""

    signals: tuple[Signal, ...] = ()
    decision: Decision | None = None
    facts: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message on its way through the stages: what is known, and what earlier stages found."""

    mail: Parsed
    known: Surroundings
    facts: Mapping[str, bool] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A pure step of the pipeline: `judge` looks, and never touches the database, the network or the clock."""

    name: str
    judge: Callable[[Sighting], Outcome]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The end of the pipeline: the decision, the stage that made it, and what every stage left behind."""

    decision: Decision
    decided_by: str
    outcomes: Mapping[str, Outcome]
