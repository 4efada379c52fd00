"""Every list, form and page of the admin, for somebody who may do all and for somebody who may only look."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.text import capfirst

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry, Notification
from missioncontrol import services
from missioncontrol.models import Dependency, GatePolicy, Grant, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def filled(task: Task) -> None:
    """At least one row in the tables of our own."""
    services.add_comment(by=JOHN, task_id=task.pk, body="Half of it is written.")
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
    Dependency.objects.create(task=task, depends_on=make_task(title="Ask the customer"))
    Grant.objects.create(
        task=task, action="claim", reason="holiday", granted_by="ada", expires_at=task.created_at
    )
    GatePolicy.objects.create(why="Customers see it")
    services.record_cost(by=JOHN, task_id=task.pk, amount_usd=Decimal(2))
    actor = Actor.objects.create(name="john")
    issue_token(actor=actor, scopes=["tasks:read"], name="laptop", teams=["sales"])
    Notification.objects.create(
        event="incident:1", recipient="#ops", channel="#ops", text="down", state="failed"
    )


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_its_list_and_first_row_open(model: type[Model], filled: None, ada: Client, vera: Client) -> None:
    for client in (ada, vera):
        reply = client.get(address(model, "changelist"))
        assert reply.status_code == 200
        assert f" {capfirst(str(model._meta.verbose_name_plural))} · Mission Control</title>" in reply.text
        row = model._default_manager.first()
        if row is not None:
            assert client.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_its_form_opens_for_who_may_add_and_nobody_else(
    model: type[Model], ada: Client, vera: Client
) -> None:
    assert ada.get(address(model, "add")).status_code in (200, 403)
    assert vera.get(address(model, "add")).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_its_list_is_closed_to_staff_without_permission(model: type[Model], sten: Client) -> None:
    assert sten.get(address(model, "changelist")).status_code == 403


@pytest.mark.parametrize("name", ["taskevent", "comment", "dependency", "evidence", "grant", "costentry"])
def test_histories_offer_no_change_and_no_deletion(name: str, ada: Client) -> None:
    request = ada.get(reverse("admin:index")).wsgi_request
    model = next(model for model in MODELS if model._meta.model_name == name)
    room = admin.site._registry[model]
    assert not room.has_add_permission(request)
    assert not room.has_change_permission(request)
    assert not room.has_delete_permission(request)


def test_the_audit_entry_shows_before_and_after(ada: Client) -> None:
    actor = Actor.objects.create(name="pi-orch")
    Actor.objects.filter(pk=actor.pk).update(display_name="The orchestrator")
    entry = AuditEntry.objects.filter(target_type="kernel_actor", action="update").latest("id")
    page = ada.get(address(AuditEntry, "change", entry.pk)).content.decode()
    assert "mc-after" in page
    assert "The orchestrator" in page


def test_the_lists_filter_without_failing(filled: None, ada: Client) -> None:
    tasks = reverse("admin:missioncontrol_task_changelist")
    for query in (
        "status=open", "status=all", "team=sales", "team=-", "priority=high", "owner=-", "claimed=yes", "claimed=no",
        "due=overdue", "due=week", "due=none", "source=-", "tag=tender", "q=tender", "q=%231", "q=%00",
        "status=nonsense", "q=%22unbalanced", "p=9999", "o=1.-3",
    ):  # fmt: skip
        assert ada.get(f"{tasks}?{query}").status_code in (200, 302), query
    audit = reverse("admin:kernel_auditentry_changelist")
    for query in ("actor=ada", "actor=-", "table=kernel_actor", "action=other", "period=day", "q=1"):
        assert ada.get(f"{audit}?{query}").status_code == 200, query
