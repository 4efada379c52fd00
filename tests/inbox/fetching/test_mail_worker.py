"""The mail worker as `make run` starts it: a server that hangs delays no other account, and no stop."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django_celery_beat.models import PeriodicTask

from alai.kernel import health
from alai.kernel.valkey import valkey
from alai.run.parts import programs
from inbox import tasks
from inbox.fetching.poll import poll
from inbox.models import Account, Message
from tests.inbox.fetching.conftest import Mailbox, another
from tests.mailserver.proxy import proxy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
THREADS = 3


@contextmanager
def mail_worker(mailbox: Mailbox, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """On the test's database and broker, with few threads."""
    valkey().delete(settings.MAIL_QUEUE, "mc:alive:mail", "mc:alive:worker")
    os.environ["MAIL_THREADS"] = str(THREADS)
    command = next(one.command for one in programs("127.0.0.1", 1) if one.name == "mail")
    database = settings.DATABASES["default"]["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": re.sub(r"/[^/?]+(\?|$)", rf"/{database}\1", os.environ["DATABASE_URL"]),
        "MAIL_CA_FILE": str(mailbox.server.ca_file),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), env=environment, cwd=settings.BASE_DIR, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        valkey().delete(settings.MAIL_QUEUE)


def until(condition: Callable[[], bool], seconds: float) -> float:
    """How long it took; fails when it takes longer."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it took too long"
        time.sleep(0.1)
    return time.monotonic() - begin


def test_hanging_servers_delay_no_other_account_and_no_stop(mailbox: Mailbox, tmp_path: Path) -> None:
    hanging = [another(mailbox) for _ in range(THREADS - 1)]
    well = [mailbox, *(another(mailbox) for _ in range(4))]
    with proxy(mailbox.server.port) as line, mail_worker(mailbox, tmp_path / "log") as process:
        line.silent = True
        pks = [one.account.pk for one in hanging]
        Account.objects.filter(pk__in=pks).update(port=line.port)
        for one in well:
            one.deliver("a lead")
        until(lambda: health.seen("mail").status == "ok", 60)
        assert health.seen("worker").detail == "not seen", "it does not pass for the other worker"
        tasks.fetch_mail.delay()
        until(lambda: Message.objects.count() == len(well), 25)
        until(lambda: Account.objects.filter(pk__in=pks, claimed_until__isnull=False).count() == 2, 10)
        process.terminate()
        begin = time.monotonic()
        process.wait(10)
        assert time.monotonic() - begin < 5, "a stop waits for no server"
    assert set(Account.objects.filter(pk__in=pks).values_list("failures", flat=True)) == {0}, (
        "what we interrupt is no failure"
    )


def test_orders_go_to_the_mail_workers_queue() -> None:
    valkey().delete(settings.MAIL_QUEUE, settings.CELERY_TASK_DEFAULT_QUEUE)
    tasks.fetch_mail.delay()
    assert valkey().llen(settings.MAIL_QUEUE) == 1
    assert valkey().llen(settings.CELERY_TASK_DEFAULT_QUEUE) == 0
    valkey().delete(settings.MAIL_QUEUE)


def test_each_due_account_gets_an_order_of_its_own(mailbox: Mailbox) -> None:
    valkey().delete(settings.MAIL_QUEUE)
    another(mailbox)
    assert tasks.fetch_mail() == "2 accounts to look into"
    assert valkey().llen(settings.MAIL_QUEUE) == 2
    valkey().delete(settings.MAIL_QUEUE)


def test_what_a_turn_had_no_time_for_is_ordered_again(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey().delete(settings.MAIL_QUEUE)
    monkeypatch.setattr("inbox.fetching.plans.BATCH_MESSAGES", 1)
    monkeypatch.setattr(tasks, "poll", partial(poll, seconds=0))
    mailbox.deliver("one", "two")
    assert "still to fetch" in tasks.fetch_account(mailbox.account.pk)
    assert valkey().llen(settings.MAIL_QUEUE) >= 1
    valkey().delete(settings.MAIL_QUEUE)


def test_beat_looks_each_minute() -> None:
    schedule = PeriodicTask.objects.get(task="inbox.tasks.fetch_mail")
    assert (schedule.interval.every, schedule.interval.period) == (60, "seconds")
