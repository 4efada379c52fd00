"""A client that does not read holds nobody up and fills no memory; when it reads again it has lost nothing."""

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from alai.kernel.principals import Principal
from alai.kernel.streams import hub
from alai.kernel.streams.source import Item
from alai.kernel.streams.subscription import QUEUE_LIMIT, Subscription
from missioncontrol.models import TaskEvent
from missioncontrol.streams import TASK_EVENTS
from tests.cast import Cast, make_task
from tests.streams.listening import EVENTS, bearer, eventually, listening

BULK = """
INSERT INTO missioncontrol_taskevent (task_id, kind, actor, on_behalf_of, data, why, request_id)
SELECT %s, 'noted', 'john', '', '{}', repeat('x', 8000), '' FROM generate_series(1, %s)
"""


def happen_often(task_id: int, count: int) -> None:
    for _ in range(0, count, 100):
        with connection.cursor() as cursor:
            cursor.execute(BULK, [task_id, 100])


def test_a_client_that_reads_late_holds_nobody_up_and_loses_nothing(cast: Cast, address: str) -> None:
    task, count = make_task(), 3000
    with slow_client(address, cast.john.token) as slow:
        with listening(address, **bearer(cast.john.token)) as quick:
            happen_often(task.pk, count)
            eventually(lambda: len(quick.events) == count, 20)
        wanted = list(TaskEvent.objects.order_by("id").values_list("pk", flat=True))
        assert quick.ids() == wanted
        assert ids_from(slow, count) == wanted


def slow_client(address: str, token: str) -> socket.socket:
    place = urlsplit(address)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((place.hostname, place.port))
    client.sendall(
        f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    client.settimeout(15)
    seen = b""
    while b"\nid: " not in seen:
        seen += client.recv(1024)
    return client


def ids_from(client: socket.socket, count: int) -> list[int]:
    with client.makefile("rb") as lines:
        ids: list[int] = []
        text = b""
        while len(ids) < count:
            size = int(lines.readline(), 16)  # chunked transfer coding
            text += lines.read(size + 2)[:-2]
            *whole, text = text.split(b"\n\n")
            data = [frame.partition(b"\ndata: ")[2] for frame in whole]
            ids += [json.loads(one)["id"] for one in data if one]
    return ids


def subscription(position: tuple[int, int] = (0, 0)) -> Subscription:
    return Subscription(TASK_EVENTS, [], position, Principal("john"), lambda: Principal("john"))


def items(count: int) -> list[Item]:
    return [Item(TASK_EVENTS, {"entry_xid": 1, "id": number}) for number in range(1, count + 1)]


def test_what_a_slow_client_leaves_waiting_is_bounded() -> None:
    slow = subscription()
    slow.follow()
    slow.offer(items(QUEUE_LIMIT))
    assert len(slow.queue) == QUEUE_LIMIT and not slow.behind
    slow.offer(items(1))
    assert slow.queue == [] and slow.behind  # it will read the table


def test_what_was_read_from_the_table_already_is_not_told_again() -> None:
    one = subscription((1, 2))
    one.follow()
    one.offer(items(4))
    assert [item.position for item in one.take()] == [(1, 3), (1, 4)]


def test_a_client_that_takes_nothing_is_given_up(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "STALL_SECONDS", 0.2)
    happen_often(make_task().pk, 100)

    async def never(*_: Any) -> Any:
        await asyncio.sleep(60)

    async def serve() -> int:
        with ThreadPoolExecutor(1) as threads:
            streams = hub.Hub(threads)
            await streams.serve(subscription(), receive=never, send=never)
            await asyncio.sleep(hub.POLL_SECONDS * 2)  # the poller notices that nobody listens
            for task in list(streams._tasks):
                task.cancel()
            await streams._poll.close()
            await streams._catch_up.close()
        return streams.open

    begin = time.monotonic()
    assert asyncio.run(serve()) == 0
    assert time.monotonic() - begin < 5
