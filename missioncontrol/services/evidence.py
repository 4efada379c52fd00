"""Evidence: what proves that a task is done. The client hashes; the server never reads a client's path."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from alai.kernel import audit
from alai.kernel.errors import Invalid, TooLarge
from alai.kernel.principals import Principal
from missioncontrol import leases
from missioncontrol.leases import Presented
from missioncontrol.models import Evidence, Task
from missioncontrol.services.common import acting_as, record_event, refuse, visible_task

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
TRACES = (".zip", ".har")

EvidenceItem = int | str


@dataclass(frozen=True, slots=True)
class RegisteredFile:
    """A file on some host, as its owner describes it. `sha256` is 64 hex digits, `size` in bytes."""

    path: str
    sha256: str
    size: int
    mtime: datetime
    host: str
    kind: str = ""


EMPTY = {"loc": ["body", "file"], "msg": "is empty"}


def attach_file(
    *, by: Principal, task_id: int, upload: "UploadedFile[Any]", presented: Presented, kind: str = ""
) -> Evidence:
    """Store the file's bytes under their own hash: verified evidence."""
    if (upload.size or 0) > settings.EVIDENCE_MAX_BYTES:
        raise TooLarge(f"An evidence file may have {settings.EVIDENCE_MAX_BYTES // 1024**2} MB.")
    if not upload.size:
        raise Invalid("The file is empty: it proves nothing.", errors=[EMPTY])
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    name = upload.name or "file"
    with _attaching(by, task_id, presented) as task:
        evidence = Evidence(
            task=task,
            form=Evidence.Kind.FILE,
            kind=kind or guess_kind(name),
            name=name,
            sha256=digest.hexdigest(),
            size=upload.size,
            verified=True,
            created_by=by.actor,
        )
        evidence.file.save(digest.hexdigest(), upload, save=False)
        return _saved(evidence)


def register_evidence(*, by: Principal, task_id: int, file: RegisteredFile, presented: Presented) -> Evidence:
    """Record a file that stays where it is: its hash is the client's word, so it is not verified."""
    with _attaching(by, task_id, presented) as task:
        return _saved(
            Evidence(
                task=task,
                form=Evidence.Kind.REGISTERED,
                kind=file.kind or guess_kind(file.path),
                name=file.path,
                host=file.host,
                sha256=file.sha256.lower(),
                size=file.size,
                mtime=file.mtime,
                created_by=by.actor,
            )
        )


def collect(task: Task, items: Sequence[EvidenceItem], *, by: Principal) -> list[Evidence]:
    """The task's evidence with the items added: an id names a registered piece, a text becomes a reference."""
    known = {evidence.pk: evidence for evidence in task.evidence.all()}
    strangers = [item for item in items if isinstance(item, int) and item not in known]
    if strangers:
        raise Invalid(
            f"Evidence {strangers[0]} does not belong to task {task.pk}.",
            code="unknown_evidence",
            errors=[
                {"loc": ["body", "evidence"], "msg": f"{item} is not evidence of this task"}
                for item in strangers
            ],
        )
    words = {evidence.name for evidence in known.values()}
    fresh = dict.fromkeys(item.strip() for item in items if isinstance(item, str))
    added = [
        _saved(Evidence(task=task, form=Evidence.Kind.REFERENCE, name=text, created_by=by.actor))
        for text in fresh
        if text and text not in words
    ]
    return [*known.values(), *added]


def guess_kind(name: str) -> str:
    lower = name.lower()
    if lower.endswith(IMAGES):
        return "image"
    if lower.endswith(TRACES) or lower.rsplit("/", 1)[-1].startswith("trace"):
        return "trace"
    return "log" if lower.endswith((".log", ".txt")) else "file"


@contextmanager
def _attaching(by: Principal, task_id: int, presented: Presented) -> Iterator[Task]:
    """The locked task, in one transaction with what is attached to it.

    People may attach to a task that somebody holds; it does not take the lease away.
    """
    visible_task(by, task_id)
    rule = replace(presented, protected=presented.protected and not by.is_person)
    with acting_as(by), audit.writing():
        refuse(leases.judge(task_id, rule), task_id)
        yield Task.objects.get(pk=task_id)


def _saved(evidence: Evidence) -> Evidence:
    evidence.save(force_insert=True)
    record_event(
        evidence.task, "evidence_added", evidence_id=evidence.pk, name=evidence.name, form=evidence.form
    )
    return evidence
