"""Each public service leaves a trace of who did what: a task's event or an audit entry."""

import datetime as dt
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from alai.kernel.models import AuditEntry
from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.leases import Presented
from missioncontrol.models import Message, Task, TaskEvent
from missioncontrol.services.claims import NextFilters
from missioncontrol.services.evidence import RegisteredFile
from tests.cast import make_task

pytestmark = pytest.mark.django_db
ADA = Principal(actor="ada", scopes=frozenset({"admin", "ceo"}))
HOUR = dt.timedelta(hours=1)
FREE = Presented(actor="ada", person=True)
FILE = RegisteredFile("/a.log", "0" * 64, 1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "anvil")


def held(task: Task, ttl: dt.timedelta = HOUR) -> dict[str, Any]:
    services.claim_task(by=ADA, task_id=task.pk, session="s", ttl=ttl)
    return {"by": ADA, "task_id": task.pk, "session": "s"}


def saved() -> int:
    return services.save_view(by=ADA, name="Ready", query="status=ready").pk


USES: dict[str, Callable[[Task], object]] = {
    "create_task": lambda task: services.create_task(by=ADA, title="New"),
    "update_task": lambda task: services.update_task(by=ADA, task_id=task.pk, changes={"title": "Other"}),
    "finish_task": lambda task: services.finish_task(
        by=ADA, task_id=task.pk, verb="done", items=["seen"], presented=FREE
    ),
    "add_comment": lambda task: services.add_comment(by=ADA, task_id=task.pk, body="Hello"),
    "attach_file": lambda task: services.attach_file(
        by=ADA, task_id=task.pk, upload=SimpleUploadedFile("a.log", b"a"), presented=FREE
    ),
    "register_evidence": lambda task: services.register_evidence(
        by=ADA, task_id=task.pk, file=FILE, presented=FREE
    ),
    "claim_task": lambda task: held(task),
    "claim_next": lambda task: services.claim_next(by=ADA, session="s", ttl=HOUR, filters=NextFilters()),
    "extend_claim": lambda task: services.extend_claim(**held(task), ttl=HOUR),
    "release_claim": lambda task: services.release_claim(**held(task)),
    "sweep_claims": lambda task: held(task, -HOUR) and services.sweep_claims(by=ADA, auto_release=True),
    "record_grant": lambda task: services.record_grant(by=ADA, task_id=task.pk, action="claim", reason="why"),
    "post_message": lambda task: services.post_message(by=ADA, channel="ops", body="Hello", payload={}),
    "remember": lambda task: services.remember(
        by=ADA, kind="note", key="k", content="text", tags=[], importance=0.5, expires_at=None
    ),
    "save_view": lambda task: saved(),
    "change_view": lambda task: services.change_view(by=ADA, view_id=saved(), shared=True),
    "delete_view": lambda task: services.delete_view(by=ADA, view_id=saved()),
}
TWICE = {"extend_claim", "release_claim", "sweep_claims", "change_view", "delete_view"}


def test_every_service_is_tried_here() -> None:
    public = {name for name in services.__all__ if inspect.isfunction(getattr(services, name))}
    assert public == USES.keys()


@pytest.mark.parametrize("name", USES)
def test_it_names_its_author(name: str, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    task = make_task()
    steps = 2 if name in TWICE else 1
    USES[name](task)
    events = TaskEvent.objects.filter(actor="ada").count()
    entries = AuditEntry.objects.filter(actor="ada").count()
    messages = Message.objects.filter(sender="ada").count()  # a message is append-only history itself
    assert events + entries + messages >= steps
    assert not TaskEvent.objects.exclude(actor="ada").exists()
