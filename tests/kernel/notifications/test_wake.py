"""A commit wakes a worker; a broker that is away costs the caller next to nothing."""

import json
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction
from redis import Redis

from alai.celery import app
from alai.kernel import wake
from alai.kernel.models import Notification
from alai.kernel.tasks import deliver_notifications
from tests.kernel.notifications.steps import OPS, states, tell
from tests.standins.slack import SlackStandIn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """The broker, without jobs."""
    monkeypatch.setattr(wake, "_not_until", 0.0)
    with Redis.from_url(settings.BROKER_URL) as broker:
        broker.delete("celery")
        yield broker
        broker.delete("celery")


def test_a_commit_wakes_a_worker_once(slack: SlackStandIn, queue: Redis) -> None:
    with transaction.atomic():
        tell(1)
        tell(2)
        assert queue.llen("celery") == 0
    (job,) = queue.lrange("celery", 0, -1)
    assert json.loads(job)["headers"]["task"] == deliver_notifications.name


def test_without_a_token_nobody_is_woken(slack: SlackStandIn, queue: Redis) -> None:
    settings.SLACK_BOT_TOKEN = ""
    tell()
    assert queue.llen("celery") == 0


def test_a_broker_that_is_away_costs_the_caller_no_second(
    slack: SlackStandIn, queue: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:9/0")
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:9/0")
    started = time.monotonic()
    for number in range(20):
        tell(number)
    assert time.monotonic() - started < 2
    assert Notification.objects.count() == 20
    assert [record.getMessage() for record in caplog.records if "wake-up" in record.getMessage()] == [
        "The broker did not take a wake-up; the next poll delivers (OperationalError)"
    ]


def test_the_job_delivers_and_says_so(slack: SlackStandIn, queue: Redis) -> None:
    tell(1)
    tell(2, channel="user:U1ADA")
    assert deliver_notifications() == "2 notifications sent"
    assert states() == ["sent", "sent"]
    assert slack.texts(OPS) == ["Message 1"]
