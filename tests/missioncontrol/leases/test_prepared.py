"""The lease statements are prepared once a connection: parsing and planning them would cost half a claim."""

import pytest
from django.db import connection, transaction

from missioncontrol import services
from tests.cast import make_task
from tests.missioncontrol.leases.people import JOHN, TTL

pytestmark = pytest.mark.django_db


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [text for (text,) in cursor.fetchall()]


def test_a_claim_is_prepared_and_ordinary_queries_are_not() -> None:
    transaction.savepoint_rollback(
        transaction.savepoint()
    )  # the connection forgets what other tests prepared
    for _ in range(10):
        services.claim_task(by=JOHN, task_id=make_task().pk, session="s1", ttl=TTL)
    statements = prepared()
    assert len([text for text in statements if "FOR NO KEY UPDATE" in text and "claimed" in text]) == 1
    assert not [text for text in statements if "FOR NO KEY UPDATE" not in text]
