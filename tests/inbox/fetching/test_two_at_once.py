"""One account is fetched by one process at a time, and one that was thought dead can spoil nothing."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from inbox.fetching import plans
from inbox.fetching import poll as turns
from inbox.fetching.kept import Keeper
from inbox.imap.connection import Connection
from inbox.models import Account, Message
from inbox.services import fetching
from tests.inbox.fetching.conftest import Mailbox

pytestmark = pytest.mark.django_db(transaction=True)
BUSY = "It is being fetched already, or not fetched at all."


def in_a_thread(account_id: int) -> turns.Outcome:
    try:
        return turns.poll(account_id)
    finally:
        connections.close_all()


def test_of_many_at_once_one_fetches(mailbox: Mailbox) -> None:
    mailbox.deliver(*(f"mail {number}" for number in range(50)))
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(in_a_thread, [mailbox.account.pk] * 24))
    assert sum(outcome.new for outcome in outcomes) == 50
    assert not any(outcome.failed for outcome in outcomes), outcomes
    assert max(Counter(mailbox.subjects()).values()) == 1 and Message.objects.count() == 50


def test_the_second_one_does_nothing_while_the_first_has_its_turn(mailbox: Mailbox) -> None:
    claim = fetching.claim_account(account_id=mailbox.account.pk, seconds=60)
    assert claim is not None
    assert turns.poll(mailbox.account.pk).sentence == BUSY
    fetching.end_well(claim=claim, behind=0)
    assert turns.poll(mailbox.account.pk).sentence != BUSY


def test_a_turn_whose_process_died_is_over_after_its_time(mailbox: Mailbox) -> None:
    assert fetching.claim_account(account_id=mailbox.account.pk, seconds=-1) is not None
    mailbox.deliver("waiting")
    assert turns.poll(mailbox.account.pk).new == 1


def test_two_that_both_believe_it_is_their_turn_store_each_message_once(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second takes over while the first, held up, is in the middle of storing."""
    monkeypatch.setattr(plans, "BATCH_MESSAGES", 5)
    mailbox.deliver(*(f"mail {number}" for number in range(40)))
    held, go_on = threading.Event(), threading.Event()
    original = fetching.store_fetched

    def held_up(**arguments: object) -> int:
        if threading.current_thread().name == "first" and not held.is_set():
            held.set()
            assert go_on.wait(30)
        return original(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fetching, "store_fetched", held_up)
    outcomes: list[turns.Outcome] = []
    first = threading.Thread(target=lambda: outcomes.append(in_a_thread(mailbox.account.pk)), name="first")
    first.start()
    assert held.wait(30)
    Account.objects.update(claimed_until=None)  # as if its time were over
    other = Keeper()  # of another process
    monkeypatch.setattr(turns, "KEEPER", other)
    second = turns.poll(mailbox.account.pk)
    other.close()
    go_on.set()
    first.join(30)
    assert outcomes[0].sentence == "Another process took over." and second.new == 40
    assert max(Counter(mailbox.subjects()).values()) == 1 and Message.objects.count() == 40


def test_an_account_that_is_switched_off_is_not_fetched(mailbox: Mailbox) -> None:
    Account.objects.update(enabled=False)
    assert turns.poll(mailbox.account.pk).sentence == BUSY


def test_no_database_connection_is_held_while_a_server_is_waited_for(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[bool] = []
    original = Connection.connect

    def spy(self: Connection) -> Connection:
        free.append(connection.connection is None)
        return original(self)

    monkeypatch.setattr(Connection, "connect", spy)
    turns.poll(mailbox.account.pk)
    assert free == [True]
