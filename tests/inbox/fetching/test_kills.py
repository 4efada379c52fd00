"""SIGKILL of the fetching process at random moments, again and again: every message once."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.conf import settings

from inbox.models import Account, Content, Message
from tests.inbox.fetching.conftest import Mailbox
from tests.inbox.mails import eml

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES, KILLS = 800, 3  # `make soak` kills more often, among more


def start(mailbox: Mailbox) -> "subprocess.Popen[bytes]":
    """The command by which a person fetches, on the test's database."""
    database = settings.DATABASES["default"]["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": re.sub(r"/[^/?]+(\?|$)", rf"/{database}\1", os.environ["DATABASE_URL"]),
        "MAIL_CA_FILE": str(mailbox.server.ca_file),
    }
    Account.objects.update(claimed_until=None)  # rather than wait for the dead one's time to run out
    return subprocess.Popen(
        [sys.executable, "manage.py", "fetch_mail", "--all", mailbox.user],
        env=environment, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_killed_again_and_again_it_stores_each_message_once(mailbox: Mailbox) -> None:
    chance = random.Random(7)
    mailbox.server.deliver(
        mailbox.user,
        *(
            eml(f"mail {n}", "text " * chance.randrange(2000), message_id=f"<{n}@kill>")
            for n in range(MESSAGES)
        ),
    )
    left = []
    for _ in range(KILLS):
        before = Message.objects.count()
        process = start(mailbox)
        deadline = time.monotonic() + 30
        enough = before + chance.randrange(1, MESSAGES // (KILLS + 1))
        while Message.objects.count() < enough and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        left.append(Message.objects.count())
    assert left == sorted(left) and any(0 < count < MESSAGES for count in left), left
    last = start(mailbox)
    output, _ = last.communicate(timeout=120)
    assert last.returncode == 0, output
    assert Counter(mailbox.subjects()) == Counter(f"mail {n}" for n in range(MESSAGES))
    assert Content.objects.count() == MESSAGES
    folder = mailbox.folder()
    assert (folder.watermark, folder.backfill) == (MESSAGES, 0)
