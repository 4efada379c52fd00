"""What a person can do with a message: each verb is one call of a service, offered where it makes sense."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django import forms

from alai.kernel.principals import Principal
from inbox import services
from inbox.models import Message
from inbox.triage.verdicts import Classification, Verdict

Data = Mapping[str, Any]
Style = Literal["primary", "plain", "danger"]


@dataclass(frozen=True, slots=True)
class Verb:
    """`fields` are what its form shows. `run` answers a sentence."""

    label: str
    symbol: str
    run: Callable[[Principal, Message, Data], str]
    offered: Callable[[Message], bool]
    fields: tuple[str, ...] = ("note",)
    style: Style = "plain"
    explain: str = ""


class VerbForm(forms.Form):
    """Everything that some verb asks for; a verb reads what is its own."""

    note = forms.CharField(required=False, max_length=300)
    classification = forms.ChoiceField(
        required=False, choices=[(one.value, one.value) for one in Classification]
    )
    tier = forms.IntegerField(required=False, min_value=1, max_value=9)
    name = forms.CharField(required=False, max_length=200)
    everywhere = forms.BooleanField(required=False)


def _release(by: Principal, message: Message, data: Data) -> str:
    services.release(by=by, message_id=message.pk, note=data["note"])
    return "It is out of quarantine and was judged on; its sender is remembered."


def _promote(by: Principal, message: Message, data: Data) -> str:
    services.promote(by=by, message_id=message.pk, note=data["note"])
    return "It is a task now."


def _answered(by: Principal, message: Message, data: Data) -> str:
    services.mark_answered(by=by, message_id=message.pk)
    return "It counts as answered and comes back no more."


def _reclassify(by: Principal, message: Message, data: Data) -> str:
    wanted = Classification(data["classification"] or Classification.INFO)
    services.reclassify(by=by, message_id=message.pk, classification=wanted, note=data["note"])
    return f"It is {wanted.value} now."


def _partner(by: Principal, message: Message, data: Data) -> str:
    services.declare_partner(
        by=by,
        message_id=message.pk,
        tier=data["tier"] or 1,
        name=data["name"],
        reason=data["note"],
        everywhere=data["everywhere"],
    )
    return f"{message.sender} is a partner from now on."


def _never_again(by: Principal, message: Message, data: Data) -> str:
    services.never_again(by=by, message_id=message.pk, note=data["note"])
    return f"{message.sender} disturbs nobody any more."


def _decided(message: Message) -> bool:
    return message.mail is not None and bool(message.mail.verdict)


def _incoming(message: Message) -> bool:
    return message.mail is not None and not message.mail.outgoing


VERBS: dict[str, Verb] = {
    "release": Verb(
        "Release", "lock_open", _release,
        lambda message: message.mail is not None and message.mail.verdict == Verdict.QUARANTINE,
        style="primary", explain="Judged on as if the scan had found nothing; the sender counts as known.",
    ),
    "promote": Verb(
        "Make a task", "add_task", _promote,
        lambda message: _incoming(message) and message.mail is not None and message.mail.task_id is None,
        explain="The ledger gets a task with a link to this message.",
    ),
    "answered": Verb(
        "Answered", "mark_email_read", _answered,
        lambda message: (
            _incoming(message) and message.mail is not None and message.mail.answered_at is None
            and message.mail.classification == Classification.ACTION
        ),
        fields=(), explain="By telephone or from elsewhere: it leaves the digest and climbs no more.",
    ),
    "reclassify": Verb(
        "Reclassify", "label", _reclassify, lambda message: _decided(message) and _incoming(message),
        fields=("classification", "note"), explain="Counted as a correction of the stage that decided.",
    ),
    "partner": Verb(
        "This is a partner", "handshake", _partner,
        lambda message: bool(message.sender) and message.mail is not None and not message.mail.partner_tier,
        fields=("name", "tier", "everywhere", "note"),
        explain="Authenticated mail of this address goes straight to the CEO's channel.",
    ),
    "never_again": Verb(
        "Never again", "block", _never_again, lambda message: _incoming(message) and bool(message.sender),
        style="danger", explain="This mail is spam, and later ones of this sender disturb nobody.",
    ),
}  # fmt: skip


def offered(message: Message) -> dict[str, Verb]:
    return {name: verb for name, verb in VERBS.items() if verb.offered(message)}
