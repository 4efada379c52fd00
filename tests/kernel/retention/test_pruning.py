"""What is older than its setting goes, in batches; the rest stays."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from alai.kernel import retention
from alai.kernel.models import AuditEntry, IdempotencyRecord, Notification, Retention, Session
from alai.kernel.notifications import enqueue

pytestmark = pytest.mark.django_db


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def record(days: float) -> IdempotencyRecord:
    return IdempotencyRecord(
        owner="o", method="POST", path="/", key=f"{days}", status=201, response=b"", created_at=ago(days)
    )


def test_what_is_older_than_its_days_is_deleted() -> None:
    IdempotencyRecord.objects.bulk_create([record(1), record(1.9), record(2.1), record(30)])
    assert retention.prune() == "Deleted 2 idempotency records"
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {"1", "1.9"}
    assert retention.prune() == "Nothing was old enough to delete"


def test_a_setting_that_was_edited_counts_and_survives_the_next_migrate() -> None:
    Retention.objects.filter(kind="idempotency-records").update(days=20)
    retention.seed()
    assert Retention.objects.get(kind="idempotency-records").days == 20
    IdempotencyRecord.objects.bulk_create([record(19), record(21)])
    assert retention.prune() == "Deleted 1 idempotency records"


def test_a_kind_without_days_is_kept_for_ever() -> None:
    Retention.objects.filter(kind="idempotency-records").update(days=None)
    IdempotencyRecord.objects.create(owner="o", status=201, response=b"", created_at=ago(5000))
    assert retention.prune() == "Nothing was old enough to delete"


def test_a_missing_kind_is_seeded_with_its_default() -> None:
    Retention.objects.all().delete()
    retention.seed()
    days = dict(Retention.objects.values_list("kind", "days"))
    assert (days["audit-entries"], days["notifications"], days["log-files"]) == (365, 90, 90)


def test_only_decided_notifications_go() -> None:
    for number, state in enumerate(Notification.State):
        if state != "coalesced":
            enqueue(event=f"e:{number}", recipient="C1", text="x")
            Notification.objects.filter(event=f"e:{number}").update(state=state, created_at=ago(100))
    carrier = Notification.objects.get(state="sent")
    Notification.objects.create(
        event="c",
        recipient="C1",
        channel="C1",
        text="x",
        state="coalesced",
        carried_by=carrier,
        created_at=ago(1),
    )
    retention.prune()
    assert set(Notification.objects.values_list("state", flat=True)) == {"pending", "sending"}


def test_sessions_go_a_day_after_they_expired() -> None:
    for key, days in (("old", 2.0), ("new", 0.5), ("live", -3)):
        Session.objects.create(session_key=key, session_data="", expire_date=ago(days))
    assert retention.prune() == "Deleted 1 sessions"


def test_large_tables_shrink_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    IdempotencyRecord.objects.bulk_create([record(3 + number) for number in range(35)])
    assert retention.prune() == "Deleted 35 idempotency records"
    entries = AuditEntry.objects.filter(action="retention").order_by("id")
    assert [entry.after and entry.after["rows"] for entry in entries] == [10, 10, 10, 5]


def test_append_only_tables_shrink_by_retention_alone() -> None:
    AuditEntry.objects.create(action="x", target_type="t", target_id="1", at=ago(400))
    AuditEntry.objects.create(action="y", target_type="t", target_id="2", at=ago(300))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(action="x").delete()
    assert retention.prune() == "Deleted 1 audit entries"
    assert not AuditEntry.objects.filter(action="x").exists()
    assert AuditEntry.objects.filter(action="y").exists()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(action="y").delete()


def test_a_kind_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'held'; END $$; "
            "CREATE TRIGGER held BEFORE DELETE ON kernel_idempotencyrecord EXECUTE FUNCTION refuse()"
        )
    IdempotencyRecord.objects.bulk_create([record(30)])
    Session.objects.create(session_key="old", session_data="", expire_date=ago(9))
    assert retention.prune() == "Deleted 1 sessions; failed for idempotency records"
    assert "Retention failed" in caplog.text
