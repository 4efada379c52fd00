"""`alai mc watch`: what happens is told as it happens, once, whatever happens to the connection."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from django.utils import timezone

from alai.cli.errors import Refused
from alai.cli.server import Server
from alai.cli.stream import Stream
from alai.kernel.models import Token
from missioncontrol.models import TaskEvent
from tests.cast import Cast, make_task
from tests.cli.conftest import DeskOf
from tests.cli.cutting import Cutter, cutter
from tests.cli.desk import Desk
from tests.serving import served

EVENTS = "/events/stream"


def happen(task_id: int, kind: str = "commented", actor: str = "john", **fields: object) -> int:
    return TaskEvent.objects.create(task_id=task_id, kind=kind, actor=actor, **fields).pk


def now(desk: Desk) -> str:
    """The position of this moment."""
    marked = make_task()
    happen(marked.pk, "marked")
    line = desk.mc(
        "watch", "--task", marked.pk, "--since", "1h", "--until-count", 1, "--timeout-seconds", 20, "--json"
    )
    return str(line.json["last_event_id"])


def heard(result: str) -> list[int]:
    return [json.loads(line)["id"] for line in result.splitlines()]


def test_events_are_told_as_they_happen(john: Desk) -> None:
    task = make_task(title="Write\x1b[31m the\ntender")
    watcher = john.start("mc", "watch", "--task", task.pk, "--last-event-id", now(john))
    assert watcher.stdout is not None
    for words, kind in (
        (("claim", task.pk), "claimed"),
        (("comment", task.pk, "Half done"), "commented"),
    ):
        assert john.mc(*words).code == 0
        line = watcher.stdout.readline()
        assert f"  {task.pk}  {kind}  john  Write\ufffd[31m the tender  " in line
    watcher.terminate()
    watcher.communicate(timeout=20)


def test_what_is_told_is_what_the_api_shows(john: Desk, people: Cast) -> None:
    task = make_task(team="sales")
    begin = now(john)
    john.mc("claim", task.pk)
    words = ("--last-event-id", begin, "--until-count", 1, "--timeout-seconds", 20)
    told = john.mc("watch", *words, "--json").json
    shown = people.john.get(f"/tasks/{task.pk}/events").body["items"][-1]
    assert told == {
        **shown,
        "team": "sales",
        "title": task.title,
        "last_event_id": told["last_event_id"],
    }
    line = john.mc("watch", *words).out
    assert line.startswith(f"{shown['at'][:19]}Z  {task.pk}  claimed  john  Write the tender  ")
    assert line.count("\n") == 1


def test_filters_let_through_what_matches_all_of_them(john: Desk) -> None:
    mine, other = make_task(team="sales"), make_task(team="tech")
    begin = now(john)
    ids = [
        happen(mine.pk, "claimed"),
        happen(mine.pk, "released"),
        happen(mine.pk, "commented", "pi-orch"),
        happen(other.pk, "commented"),
    ]
    for words, wanted in (
        (("--kinds", "claimed,released"), [0, 1]),
        (("--kinds", "claimed", "--kinds", "released", "--task", mine.pk, "--actor", "john"), [0, 1]),
        (("--team", "tech"), [3]),
        (("--team", "tech", "--team", "sales"), [0, 1, 2, 3]),
        (("--actor", "pi-orch"), [2]),
        (("--kinds", "claimed", "--team", "tech"), []),
    ):
        found = john.mc(
            "watch", "--last-event-id", begin, *words, "--timeout-seconds", 1 if not wanted else 20,
            *(("--until-count", len(wanted)) if wanted else ()), "--json",
        )  # fmt: skip
        assert (found.code, heard(found.out)) == (0, [ids[index] for index in wanted]), words


def test_since_begins_with_a_time_and_brings_nothing_older(john: Desk) -> None:
    task = make_task()
    moment = datetime.now(UTC)
    late = happen(task.pk, at=moment - timedelta(minutes=20))
    old = happen(task.pk, at=moment - timedelta(days=3))  # committed after, though it happened before
    recent = happen(task.pk, at=moment)
    words = ("--task", task.pk, "--timeout-seconds", 20, "--json")
    assert heard(john.mc("watch", "--since", "30m", "--until-count", 2, *words).out) == [late, recent]
    since = (moment - timedelta(minutes=5)).isoformat()
    assert heard(john.mc("watch", "--since", since, "--until-count", 1, *words).out) == [recent]
    assert heard(john.mc("watch", "--since", "7d", "--until-count", 3, *words).out) == [late, old, recent]


def test_the_next_run_goes_on_where_the_last_ended(john: Desk) -> None:
    task, begin, told = make_task(), now(john), []
    ids = [happen(task.pk) for _ in range(7)]
    for _ in range(4):
        words = ("--last-event-id", begin, "--until-count", 2, "--timeout-seconds", 1, "--json")
        found = john.mc("watch", *words)
        lines = found.out.splitlines()
        told += heard(found.out)
        begin = json.loads(lines[-1])["last_event_id"]
    assert told == ids
    assert (found.code, found.err) == (1, "Only 1 of 2 came within 1 seconds.\n")


def test_time_that_is_up_is_no_failure_when_nothing_was_counted(john: Desk) -> None:
    began = time.monotonic()
    quiet = john.mc("watch", "--team", "nobody", "--timeout-seconds", 1)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_is_ended_without_a_word(john: Desk, number: signal.Signals, code: int) -> None:
    task = make_task()
    watcher = john.start("mc", "watch", "--task", task.pk, "--since", "1h")
    happen(task.pk)
    assert watcher.stdout is not None
    assert "commented" in watcher.stdout.readline()
    watcher.send_signal(number)
    out, err = watcher.communicate(timeout=20)
    assert (watcher.returncode, out, err) == (code, "", "")


def test_a_reader_that_had_enough_ends_it(john: Desk) -> None:
    task = make_task()
    ids = [happen(task.pk) for _ in range(3)]
    alai = " ".join(john.command)
    command = f"{alai} mc watch --task {task.pk} --since 1h --json | head -n 1"
    watcher = subprocess.Popen(
        ["sh", "-c", command], env=john.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert watcher.stdout is not None
    assert json.loads(watcher.stdout.readline())["id"] == ids[0]
    for _ in range(40):
        happen(task.pk)
        if watcher.poll() is not None:
            break
        time.sleep(0.1)
    assert watcher.communicate(timeout=20) == ("", "")


def test_who_cannot_be_heard_is_told_so_at_once(john: Desk, people: Cast, desk_of: DeskOf) -> None:
    away = john.mc("watch", ALAI_MC_URL="http://127.0.0.1:1")
    assert (away.code, away.out, away.err.count("\n")) == (4, "", 1)
    for token in ("mct_unknown", people.charlie.token):
        refused = john.mc("watch", ALAI_TOKEN=token)
        assert (refused.code, refused.err.count("\n")) == (1, 1)
    forged = john.mc("watch", "--last-event-id", "42")
    assert (forged.code, forged.err.count("\n")) == (1, 1)
    legacy = john.mc("watch", ALAI_MC_URL="", ALAI_MC_DB="mission-control.db")
    assert (legacy.code, legacy.err.count("\n")) == (2, 1)
    elsewhere = john.mc("watch", "--url", "http://127.0.0.1:1", ALAI_TIMEOUT="0.5")
    assert elsewhere.code == 4


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two connections."""
    monkeypatch.setattr(Stream, "_rest", lambda stream: None)


@pytest.fixture
def wire(address: str) -> Iterator[Cutter]:
    with cutter(address) as proxy:
        yield proxy


@pytest.mark.usefixtures("at_once")
def test_a_stream_that_is_cut_at_any_byte_loses_and_repeats_nothing(
    john: Desk, people: Cast, wire: Cutter, capsys: pytest.CaptureFixture[str]
) -> None:
    task, begin = make_task(title="Čekaj"), now(john)
    ids = [happen(task.pk) for _ in range(3)]
    server = Server(wire.address, people.john.token, 10)

    def listen() -> list[int]:
        return [event["id"] for event in islice(Stream(server, EVENTS, {}, last_id=begin), len(ids))]

    assert listen() == ids
    head, end = wire.answer.index(b"\r\n\r\n") + 4, wire.answer.rindex(b"\n\n") + 2
    assert wire.answer[:end].count(b"\ndata: ") == 3
    capsys.readouterr()
    for back in range(head, end):  # before the head's end it is a server that cannot be reached: see below
        wire.cut(len(wire.request), back)
        assert listen() == ids, back
        assert wire.connections == 2
        assert capsys.readouterr().err.count("was lost") == 1


def test_a_beginning_that_is_cut_is_an_unreachable_server(john: Desk, wire: Cutter) -> None:
    for there, back in ((10, None), (10**9, 0), (10**9, 40)):
        wire.cut(there, back)
        cut = john.mc("watch", ALAI_MC_URL=wire.address)
        assert (cut.code, cut.out, cut.err.count("\n")) == (4, "", 1)


class Said:
    """A connection on which these bytes came, in pieces."""

    deadline = 0.0

    def __init__(self, pieces: list[bytes]) -> None:
        self.said = pieces

    def pieces(self) -> Iterator[bytes]:
        yield from self.said

    def close(self) -> None:
        pass


def test_frames_are_read_however_they_are_cut_into_pieces() -> None:
    """Split at each byte; and when the end is missing, the last event that came whole is where it goes on."""
    told = (
        b"retry: 1500\nid: p0\n\n"
        b'id: p1\ndata: {"n": 1, "title": "\xc4\x8c"}\n\n'
        b": still here\nid: p2\n\n"
        b'id: p3\ndata: {"n":\ndata: 2}\n\n'
    )
    ends = [index for index in range(len(told)) if told[:index].endswith(b"\n\n")] + [len(told)]
    marks = dict(zip(ends, ["p0", "p1", "p2", "p3"], strict=True))
    for cut in range(len(told) + 1):
        for pieces in ([told[:cut], told[cut:]], [told[:cut]]):
            stream = Stream(Server("http://127.0.0.1:1", "t", 1), EVENTS, {}, last_id="before")
            events = list(stream._events(Said(pieces)))  # type: ignore[arg-type]
            whole = len(b"".join(pieces))
            reached = [mark for end, mark in marks.items() if end <= whole]
            assert stream._last_id == (reached[-1] if reached else "before")
            assert [event["n"] for event in events] == [1, 2][: sum(mark in ("p1", "p3") for mark in reached)]
            assert stream._pause == (1.5 if reached else 2.0)


def test_the_pauses_between_two_tries_grow_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    stream = Stream(Server("http://127.0.0.1:1", "t", 1), EVENTS, {})
    for failures in (0, 1, 2, 3, 20):
        stream._failures = failures
        for _ in range(20):
            stream._rest()
    tries = [slept[start : start + 20] for start in range(0, 100, 20)]
    for least, most, found in zip((1, 2, 4, 8, 15), (3, 6, 12, 24, 45), tries, strict=True):
        assert least <= min(found) and max(found) <= most
        assert len(set(found)) > 1


@pytest.mark.usefixtures("at_once")
def test_a_token_that_is_revoked_ends_it_with_a_reason(people: Cast) -> None:
    task = make_task()
    with served(STREAM_CHECK_SECONDS="0.3") as address:
        events = iter(
            Stream(Server(address, people.john.token, 10), EVENTS, {"since": "2020-01-01T00:00:00Z"})
        )
        happen(task.pk)
        assert next(events)["task_id"] == task.pk
        Token.objects.filter(actor__name="john").update(revoked_at=timezone.now())
        with pytest.raises(Refused, match="does not accept the token"):
            next(events)
