"""A shift looks at what is due when it is due; what hangs holds up nobody; a dead worker's shift is taken over."""

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from infra import services, tasks
from infra.models import Check, CheckState, Result
from tests.infra.world import Town, town

pytestmark = pytest.mark.django_db


def check(place: Town, path: str, timeout: float = 30.0, **fields: object) -> Check:
    return Check.objects.create(
        slug=path, kind="http", interval_seconds=5,
        settings={"url": f"{place.url}/{path}", "private": True, "timeout": timeout}, **fields,
    )  # fmt: skip


def due() -> None:
    services.ensure_states()
    CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1))


def test_what_hangs_holds_up_nobody() -> None:
    with town() as place:
        check(place, "hang")
        for number in range(20):
            check(place, f"fine/{number}")
        due()
        started = time.monotonic()
        looks = services.watch(2.0)
        assert time.monotonic() - started < 12
        assert looks == Result.objects.count() == 20
        hanging = CheckState.objects.get(check_record__slug="hang")
        assert (hanging.claimed_until, hanging.looked_at) == (
            None,
            None,
        )  # anybody's again, and nothing concluded


def test_it_keeps_the_rhythm_and_calls_back() -> None:
    kept: list[float] = []
    with town() as place:
        check(place, "fine")
        due()
        CheckState.objects.update(next_at=timezone.now() + timedelta(seconds=0.5))
        assert services.watch(1.5, lambda: kept.append(time.monotonic())) == 1
    assert len(kept) > 5
    look, state = Result.objects.get(), CheckState.objects.get()
    assert state.next_at - look.at < timedelta(seconds=5)


def test_while_we_are_cut_off_failures_conclude_nothing_and_answers_count(settings: Settings) -> None:
    settings.WATCH_ANCHORS = ["127.0.0.1:1"]
    with town() as place:
        check(place, "error")
        check(place, "fine")
        due()
        services.watch(1.0)
    assert dict(CheckState.objects.values_list("check_record__slug", "seen")) == {
        "error": "unknown",
        "fine": "up",
    }


@pytest.mark.parametrize("task", [tasks.probe, tasks.incidents])
def test_one_run_has_the_shift_and_a_dead_ones_runs_out(
    task: object, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = task
    assert callable(run)
    monkeypatch.setattr(tasks, "SHIFT_SECONDS", 0.1)
    monkeypatch.setattr(tasks, "TICK_SECONDS", 0.05)
    name = "watch:probe" if task is tasks.probe else "watch:incidents"
    cache.delete(name)
    assert run() == tasks.IDLE  # watching is off
    settings.WATCH = True
    cache.set(name, 1, timeout=1)  # somebody died with it
    assert run() == tasks.IDLE
    time.sleep(1.2)
    assert run() != tasks.IDLE
    assert cache.get(name) is None
