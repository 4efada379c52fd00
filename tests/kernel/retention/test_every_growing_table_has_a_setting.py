"""Whoever adds a table that grows says how long its rows are kept."""

import pytest
from django.db import models

from alai.kernel import retention
from alai.kernel.models import AuditEntry, Session


def test_every_growing_table_has_a_retention_setting_or_a_reason() -> None:
    missing = list(retention.unaccounted())
    assert not missing, "\n".join(missing)


def test_the_message_names_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {name: kind for name, kind in retention._kinds.items() if kind.model is not AuditEntry}
    monkeypatch.setattr(retention, "_kinds", kinds)
    assert next(retention.unaccounted()) == (
        "kernel.AuditEntry grows: add to its AppConfig.ready "
        "retention.register('auditentrys', AuditEntry, 'at', 90, 'what they are') "
        "or retention.permanent(AuditEntry, reason='why they are few or kept for good')."
    )


@pytest.mark.parametrize("kind", retention._kinds.values(), ids=retention._kinds)
def test_every_kind_counts_from_a_time(kind: retention.Kind) -> None:
    assert isinstance(kind.model._meta.get_field(kind.column), models.DateTimeField)
    assert kind.help


def test_the_kinds_are_shown_with_their_help() -> None:
    kinds = retention.kinds()
    assert kinds["audit-entries"] == (365, "Who changed what (handbook: one year).")
    assert kinds["sessions"][0] == 1 and retention._kinds["sessions"].model is Session
