"""A listener that was cut off goes on after the last event it heard: nothing is lost, nothing comes twice."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.client import HTTPException

import psutil
import psycopg
from django.db import connection
from django.utils import timezone

from missioncontrol.models import TaskEvent
from tests.cast import Cast, make_task
from tests.serving import served
from tests.streams.listening import Heard, bearer, eventually, listening, web_workers
from tests.streams.test_live_events import happen

GROWN_UP = 6.5  # seconds; a Granian whose workers die younger gives up, and the supervisor starts another
INSERT = (
    "INSERT INTO missioncontrol_taskevent (task_id, kind, actor, on_behalf_of, data, why, request_id) "
    "VALUES (%s, 'noted', 'john', '', '{}', '', '') RETURNING id"
)


def connect() -> psycopg.Connection:
    names = ("host", "port", "user", "password", "dbname")
    given = connection.get_connection_params()
    return psycopg.connect(**{name: given[name] for name in names if name in given})


def test_what_was_committed_meanwhile_comes_first(cast: Cast, address: str) -> None:
    task = make_task()
    with listening(address, **bearer(cast.john.token)) as before:
        heard_first = happen(task.pk)
        eventually(lambda: before.ids() == [heard_first])
        position = before.last_id
    many = [TaskEvent(task=task, kind="noted", actor="john") for _ in range(2500)]  # more than a page
    missed = [event.pk for event in TaskEvent.objects.bulk_create(many)]
    with listening(address, last_id=position, **bearer(cast.john.token)) as after:
        live = happen(task.pk)
        eventually(lambda: len(after.events) >= 2501)
        assert after.ids() == [*missed, live]


def test_the_position_may_stand_in_the_query_too(cast: Cast, address: str) -> None:
    task = make_task()
    with listening(address, **bearer(cast.john.token)) as before:
        position = before.last_id
    missed = happen(task.pk)
    path = f"/api/v1/events/stream?last_event_id={position}"
    with listening(address, path, **bearer(cast.john.token)) as after:
        eventually(lambda: after.ids() == [missed])


def test_a_stream_may_begin_with_a_time_and_goes_on_by_position(cast: Cast, address: str) -> None:
    task, moment = make_task(), timezone.now()
    at = [moment - timedelta(minutes=minutes) for minutes in (20, 3000, 0)]
    late, _, recent = (
        TaskEvent.objects.create(task=task, kind="noted", actor="john", at=when).pk for when in at
    )
    since = (moment - timedelta(minutes=30)).isoformat().replace("+00:00", "Z")
    path = f"/api/v1/events/stream?since={since}"
    with listening(address, path, **bearer(cast.john.token)) as heard:
        live = happen(task.pk)
        eventually(lambda: heard.ids() == [late, recent, live])
        position = heard.last_id
    missed = happen(task.pk)
    with listening(address, path, last_id=position, **bearer(cast.john.token)) as again:
        eventually(lambda: again.ids() == [missed])
    for wrong in ("yesterday", "12345", "1960-01-01"):
        with listening(address, f"/api/v1/events/stream?since={wrong}", **bearer(cast.john.token)) as refused:
            assert (refused.status, refused.problem["errors"][0]["loc"][-1]) == (422, "since")


def test_an_event_that_commits_after_a_later_one_is_not_lost(cast: Cast, address: str) -> None:
    task = make_task()
    with connect() as slow, connect() as quick:
        with listening(address, **bearer(cast.john.token)) as heard:
            first = insert(slow, task.pk)
            second = insert(quick, task.pk)
            quick.commit()
            eventually(lambda: bool(heard.comments))
            assert heard.events == []  # the second waits for what may still come before it
            position = heard.last_id
        slow.commit()
        with listening(address, last_id=position, **bearer(cast.john.token)) as again:
            eventually(lambda: len(again.events) == 2)
            assert again.ids() == [first, second]


def test_a_position_that_was_never_given_out_is_refused(cast: Cast, address: str) -> None:
    for unknown in ("42", "WzEsMl0x", "W10", "Wzk5OTk5OTk5OTk5OTk5OSwgMV0"):
        with listening(address, last_id=unknown, **bearer(cast.john.token)) as heard:
            assert heard.status == 422
            assert heard.problem["errors"][0]["loc"] == ["header", "Last-Event-ID"]


def test_nothing_is_lost_or_repeated_through_killed_web_processes(cast: Cast) -> None:
    """Writers commit out of order while workers are killed; a listener reconnects as a browser does."""
    task, written, rest = make_task(), Written(), threading.Event()
    heard: list[int] = []
    with served(workers=2) as address:
        with listening(address, **bearer(cast.john.token)) as beginning:
            position = beginning.last_id
        writers = [threading.Thread(target=written.write, args=(task.pk, rest, seed)) for seed in range(4)]
        for writer in writers:
            writer.start()
        try:
            for _ in range(2):
                position = listen_until_killed(address, cast, position, heard)
        finally:
            rest.set()
            for writer in writers:
                writer.join()
        while len(heard) < len(written.ids):
            position = listen(address, cast, position, heard, until=len(written.ids))
    assert len(written.ids) > 50
    assert sorted(heard) == sorted(written.ids)


class Written:
    """Ids of committed events, from several writers whose transactions overlap."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    def write(self, task_id: int, rest: threading.Event, seed: int, longest: float = 0.1) -> None:
        """`longest` in seconds is how long a transaction may stay open."""
        dice = random.Random(seed)
        with connect() as one:
            while not rest.is_set():
                ids = [insert(one, task_id) for _ in range(dice.randrange(1, 4))]
                rest.wait(dice.random() * longest)
                one.commit()
                self.ids.extend(ids)


def insert(through: psycopg.Connection, task_id: int) -> int:
    row = through.execute(INSERT, [task_id]).fetchone()
    assert row
    return int(row[0])


def listen_until_killed(address: str, cast: Cast, position: str, heard: list[int]) -> str:
    more = len(heard) + 5
    with reconnected(address, cast, position) as stream:
        already = len(heard)
        eventually(lambda: already + len(stream.events) >= more)
        for worker in web_workers(psutil.Process(), address):
            time.sleep(max(0.0, worker.create_time() + GROWN_UP - time.time()))
            worker.kill()
        assert stream.ended.wait(10)
    heard.extend(stream.ids())
    return stream.last_id


def listen(address: str, cast: Cast, position: str, heard: list[int], until: int) -> str:
    with reconnected(address, cast, position) as stream:
        already = len(heard)
        eventually(lambda: already + len(stream.events) >= until or stream.ended.is_set())
        heard.extend(stream.ids())
    return stream.last_id or position


@contextmanager
def reconnected(address: str, cast: Cast, position: str) -> Iterator[Heard]:
    """Listening, once somebody answers again."""
    deadline = time.monotonic() + 60
    with ExitStack() as stack:
        while True:
            try:
                heard = stack.enter_context(listening(address, last_id=position, **bearer(cast.john.token)))
            except (OSError, HTTPException):
                assert time.monotonic() < deadline, "nobody came back"
                time.sleep(0.1)
            else:
                break
        yield heard
