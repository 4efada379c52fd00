"""Real mail of every kind goes in twice: no exception, nothing doubled. The corpus stands beside the project.

`make test` takes every fourth file, `make soak` all.
"""

from pathlib import Path

import pytest

from inbox import services
from inbox.access import SYSTEM
from inbox.models import Account, Content, Decision, Mail, Message
from missioncontrol.models import Task
from tests.length import times

# Committed as it goes: thousands of savepoints within one transaction would be what takes the time.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "mail"
ACCOUNT = "owner@example.com"


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Message, Content, Mail, Decision, Task, Account))


def test_the_corpus_goes_in_twice_and_nothing_is_doubled() -> None:
    files = sorted(path for path in CORPUS.rglob("*") if path.parent != CORPUS and path.is_file())
    files = files[:: max(1, 10 // times(1))]
    if not files:
        pytest.skip(f"there is no mail beside the project at ../shared/mail ({CORPUS.parent.name})")
    first = [services.take_in(by=SYSTEM, address=ACCOUNT, raw=path.read_bytes() or b"\n") for path in files]
    for path, (message, _) in zip(files, first, strict=True):
        assert message.state == Message.State.DONE or message.mail is not None, path.name
        assert message.mail is not None and message.mail.verdict, path.name
    before = counts()
    again = [services.take_in(by=SYSTEM, address=ACCOUNT, raw=path.read_bytes() or b"\n") for path in files]
    moved = [
        path.name
        for path, (one, _), (other, new) in zip(files, first, again, strict=True)
        if one.pk != other.pk or new
    ]
    assert moved == []
    assert counts() == before
    assert before[0] == len({message.pk for message, _ in first})
