"""What a person can do to a task: each verb is one call of a service, offered where it makes sense."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction

from alai.kernel.errors import Conflict, Invalid
from alai.kernel.principals import Principal
from missioncontrol import mentions, services
from missioncontrol.leases import Presented
from missioncontrol.models import Status, Task

Data = Mapping[str, Any]
Style = Literal["primary", "plain", "danger"]
WORKING = (Status.OPEN, Status.IN_PROGRESS, Status.PAUSED, Status.BLOCKED)


@dataclass(frozen=True, slots=True)
class Verb:
    """`fields` are what its form shows; `must` those that may not be empty. `run` answers a sentence.

    `to` is the status it leads to: the board moves a card by the verb that leads to where it was put.
    """

    label: str
    symbol: str
    run: Callable[[Principal, Task, Data], str]
    offered: Callable[[Task], bool]
    fields: tuple[str, ...] = ("reason",)
    must: tuple[str, ...] = ()
    style: Style = "plain"
    explain: str = ""
    scope: str = ""
    to: Status | None = None


def always(task: Task) -> bool:
    return True


def _in(*statuses: Status) -> Callable[[Task], bool]:
    return lambda task: task.status in statuses


def _moves_to(status: Status, sentence: str) -> Callable[[Principal, Task, Data], str]:
    def run(by: Principal, task: Task, data: Data) -> str:
        services.update_task(by=by, task_id=task.pk, changes={"status": status}, reason=data["reason"])
        return sentence

    return run


def _finishes(verb: Literal["ready", "done"], sentence: str) -> Callable[[Principal, Task, Data], str]:
    def run(by: Principal, task: Task, data: Data) -> str:
        if data.get("file"):
            _attach(by, task, data)
        presented = Presented(actor=by.actor, person=True, reason=data["reason"])
        words = [data["evidence"]] if data["evidence"] else []
        services.finish_task(by=by, task_id=task.pk, verb=verb, items=words, presented=presented)
        return sentence

    return run


def _attach(by: Principal, task: Task, data: Data) -> str:
    presented = Presented(actor=by.actor, person=True)
    evidence = services.attach_file(
        by=by, task_id=task.pk, upload=data["file"], presented=presented, kind=data.get("kind", "")
    )
    return f"{evidence.name} is stored as evidence."


def _comment(by: Principal, task: Task, data: Data) -> str:
    services.add_comment(by=by, task_id=task.pk, body=data["body"])
    strangers = [f"@{name}" for name in mentions.strangers(data["body"])[:3]]
    unheard = f" Nobody here is called {' or '.join(strangers)}: nobody was told." if strangers else ""
    return f"Your comment stands in the history.{unheard}"


def _seen(by: Principal, task: Task, data: Data) -> str:
    services.see_mentions(by=by, task_id=task.pk)
    return "You have seen it."


def _reassign(by: Principal, task: Task, data: Data) -> str:
    services.update_task(by=by, task_id=task.pk, changes={"owner": data["owner"]}, reason=data["reason"])
    if not data["owner"]:
        return "Nobody owns it now."
    stranger = "" if mentions.actors_of(data["owner"]).exists() else " No actor of that name is known here."
    return f"{data['owner']} owns it now.{stranger}"


def _release(by: Principal, task: Task, data: Data) -> str:
    standing = services.release_claim(by=by, task_id=task.pk, session="-", force_reason=data["reason"])
    return "The lease is ended." if standing.changed else "Nobody held it any more."


VERBS: dict[str, Verb] = {
    "accept": Verb(
        "Accept", "check_circle", _finishes("done", "Accepted: it is done."), _in(Status.READY),
        fields=("evidence", "file", "reason"), style="primary", to=Status.DONE,
        explain="The work is accepted as it stands; its evidence is judged once more.",
    ),
    "return": Verb(
        "Send back", "undo", _moves_to(Status.OPEN, "Sent back: it is open again."), _in(Status.READY),
        must=("reason",), to=Status.OPEN, explain="Say what is missing; it stands in the history.",
    ),
    "done": Verb(
        "Done", "check_circle", _finishes("done", "It is done."), _in(*WORKING),
        fields=("evidence", "file", "reason"), style="primary", to=Status.DONE,
        explain="Name what proves it, or attach a file. Evidence that it has already counts too.",
    ),
    "ready": Verb(
        "Ready", "flag", _finishes("ready", "It is ready for acceptance."), _in(*WORKING),
        fields=("evidence", "file", "reason"), to=Status.READY, explain="Finished, and somebody else should accept it.",
    ),
    "start": Verb(
        "Start", "play_circle", _moves_to(Status.IN_PROGRESS, "It is in progress."),
        _in(Status.OPEN, Status.PAUSED, Status.BLOCKED), to=Status.IN_PROGRESS, explain="By hand: this takes no lease.",
    ),
    "block": Verb(
        "Block", "block", _moves_to(Status.BLOCKED, "It is blocked."),
        _in(Status.OPEN, Status.IN_PROGRESS, Status.PAUSED), must=("reason",), to=Status.BLOCKED,
        explain="What does it wait for?",
    ),
    "pause": Verb(
        "Pause", "pause_circle", _moves_to(Status.PAUSED, "It is paused."),
        _in(Status.OPEN, Status.IN_PROGRESS, Status.BLOCKED), to=Status.PAUSED,
    ),
    "unblock": Verb(
        "Back to open", "radio_button_unchecked", _moves_to(Status.OPEN, "It is open again."),
        _in(Status.IN_PROGRESS, Status.PAUSED, Status.BLOCKED), to=Status.OPEN,
    ),
    "reassign": Verb("Reassign", "person", _reassign, _in(*WORKING, Status.READY), fields=("owner", "reason")),
    "attach": Verb("Attach a file", "attach_file", _attach, always, fields=("file",), must=("file",)),
    "reopen": Verb(
        "Reopen", "undo", _moves_to(Status.OPEN, "It is open again."), _in(Status.DONE, Status.CANCELLED),
        must=("reason",), style="primary", to=Status.OPEN,
    ),
    "cancel": Verb(
        "Cancel", "cancel", _moves_to(Status.CANCELLED, "It is cancelled; it can be reopened."),
        _in(*WORKING, Status.READY), must=("reason",), style="danger", to=Status.CANCELLED,
        explain="It will not be done.",
    ),
    "release": Verb(
        "Release the lease", "lock_open", _release, lambda task: task.lease_until is not None, must=("reason",),
        style="danger", scope="admin",
        explain="Whoever works on it cannot write any more: its fencing token goes stale.",
    ),
    "comment": Verb("Comment", "chat_bubble", _comment, always, fields=("body",), must=("body",)),
    "seen": Verb("Seen", "visibility", _seen, always),  # stands on the home page
}  # fmt: skip
TALK = ("comment", "seen")  # for who may comment
ASKED = {"reason": "a reason", "owner": "an owner", "body": "what to say", "file": "a file"}


def perform(name: str, *, by: Principal, task: Task, data: Data) -> str:
    """Run a verb; answers a sentence. Raises ApiError with a sentence when it is refused.

    What was offered a while ago may no longer fit: the task is looked at anew, under its lock.
    """
    verb = VERBS[name]
    for field in verb.must:
        if not data.get(field):
            raise Invalid(f"{verb.label}: give {ASKED[field]}.", code=f"{field}_required")
    if verb.offered is always:  # a comment need not wait for a lock
        return verb.run(by, task, data)
    with transaction.atomic():
        present = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
        if not verb.offered(present):
            stands = Status(present.status).label.lower()
            raise Conflict(
                f"Task {task.pk} is {stands} by now: “{verb.label}” does not fit.", code="does_not_fit"
            )
        return verb.run(by, present, data)


def offered(task: Task, by: Principal) -> dict[str, Verb]:
    """The verbs that fit the task's status and the caller's scopes."""
    return {
        name: verb
        for name, verb in VERBS.items()
        if verb.offered(task) and (not verb.scope or by.has(verb.scope))
    }


def moves() -> dict[str, dict[str, str]]:
    """Which verb leads where: `{"open": {"in_progress": "start", "done": "done", ...}, ...}`."""
    return {
        str(status): {
            str(verb.to): name
            for name, verb in VERBS.items()
            if verb.to and not verb.scope and verb.offered(Task(status=status))
        }
        for status in Status
    }
