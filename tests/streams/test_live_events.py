"""Whoever listens hears of what is committed from then on, and only of what was asked for."""

from missioncontrol.models import TaskEvent
from tests.cast import Cast, make_task
from tests.streams.listening import EVENTS, bearer, eventually, listening


def happen(task_id: int, kind: str = "commented", actor: str = "john") -> int:
    return TaskEvent.objects.create(task_id=task_id, kind=kind, actor=actor).pk


def test_an_event_reaches_its_listener_as_the_api_shows_it(cast: Cast, address: str) -> None:
    task = make_task(team="sales")
    happen(task.pk, "old news")
    with listening(address, **bearer(cast.john.token)) as heard:
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert heard.headers["cache-control"] == "no-store"
        assert heard.headers["x-accel-buffering"] == "no"
        assert int(heard.retry) > 0
        cast.john.post(f"/tasks/{task.pk}/claim", {"session": "s1"})
        eventually(lambda: len(heard.events) == 1)
    shown = cast.john.get(f"/tasks/{task.pk}/events").body["items"][-1]
    assert shown["kind"] == "claimed"
    assert heard.events == [{**shown, "team": "sales", "title": task.title}]


def test_filters_let_through_what_matches_all_of_them(cast: Cast, address: str) -> None:
    mine, other = make_task(team="sales"), make_task(team="tech")
    queries = {
        "kinds=claimed,released": [0, 1],
        "kinds=claimed&kinds=released": [0, 1],
        "team=tech": [3],
        f"task_id={mine.pk}&actor=john": [0, 1],
        "actor=pi-orch": [2],
        "kinds=claimed&team=tech": [],
    }
    for query, wanted in queries.items():
        with listening(address, f"{EVENTS}?{query}", **bearer(cast.john.token)) as heard:
            ids = [
                happen(mine.pk, "claimed"),
                happen(mine.pk, "released"),
                happen(mine.pk, "commented", "pi-orch"),
                happen(other.pk, "commented"),
            ]
            eventually(lambda wanted=wanted, heard=heard: len(heard.events) == len(wanted))  # type: ignore[misc]
            quiet = len(heard.comments) + 1
            eventually(lambda heard=heard, quiet=quiet: len(heard.comments) > quiet)  # type: ignore[misc]
            assert heard.ids() == [ids[index] for index in wanted], query


def test_a_quiet_stream_shows_life_and_moves_its_position_on(cast: Cast, address: str) -> None:
    task = make_task()
    with listening(address, f"{EVENTS}?kinds=never", **bearer(cast.john.token)) as heard:
        happen(task.pk)
        first = heard.last_id
        eventually(lambda: len(heard.comments) >= 2)
        assert heard.last_id != first
        position = heard.last_id
    with listening(address, last_id=position, **bearer(cast.john.token)) as later:
        new = happen(task.pk)
        eventually(lambda: bool(later.events))
        assert later.ids() == [new]


def test_several_listeners_hear_the_same(cast: Cast, address: str) -> None:
    task = make_task()
    with (
        listening(address, **bearer(cast.john.token)) as one,
        listening(address, **bearer(cast.pi_orch.token)) as other,
    ):
        ids = [happen(task.pk) for _ in range(20)]
        eventually(lambda: len(one.events) == len(other.events) == 20)
        assert one.ids() == other.ids() == ids


def test_a_listener_that_comes_after_a_time_without_any_hears_too(cast: Cast, address: str) -> None:
    task = make_task()
    for _ in range(3):
        with listening(address, **bearer(cast.john.token)) as heard:
            new = happen(task.pk)
            eventually(lambda heard=heard: bool(heard.events))  # type: ignore[misc]
            assert heard.ids() == [new]
        happen(task.pk)  # nobody listens
