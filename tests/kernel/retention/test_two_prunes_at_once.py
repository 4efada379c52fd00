"""Two runs at once share the work instead of waiting for each other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from alai.kernel import retention
from alai.kernel.models import IdempotencyRecord


@pytest.mark.django_db(transaction=True)
def test_two_runs_delete_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 20)
    retention.seed()
    old = timezone.now() - timedelta(days=30)
    IdempotencyRecord.objects.bulk_create(
        IdempotencyRecord(owner="o", key=str(number), status=201, response=b"", created_at=old)
        for number in range(200)
    )

    def prune(_: int) -> str:
        try:
            return retention.prune()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as workers:
        sentences = list(workers.map(prune, range(2)))
    assert not IdempotencyRecord.objects.exists()
    assert sum(int(word) for sentence in sentences for word in sentence.split() if word.isdigit()) == 200
