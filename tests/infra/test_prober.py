"""The prober takes what is due once, writes in bulk, confirms before it counts, and concludes nothing while cut off."""

import platform
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from infra import services
from infra.models import Check, CheckState, Edge, Result
from infra.services import watching
from tests.infra.world import town

pytestmark = pytest.mark.django_db


def check(slug: str, url: str, **fields: object) -> Check:
    made = Check.objects.create(
        slug=slug, kind="http", settings={"url": url, "private": True, "timeout": 2}, **fields
    )
    services.ensure_states()
    CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    return made


def again() -> int:
    CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    return services.look_round()


def test_what_is_due_is_looked_at_once_and_planned_anew() -> None:
    with town() as place:
        one = check("fine", f"{place.url}/fine")
        assert services.look_round() == 1
        assert services.look_round() == 0
        state = CheckState.objects.get(check_record=one)
        assert (state.verdict, state.seen, state.claimed_until) == ("up", "up", None)
        assert state.next_at > timezone.now()
        assert Result.objects.get().verdict == "up"
        assert Edge.objects.get().after == "up"


def test_a_failure_is_confirmed_before_it_counts_and_so_is_the_recovery() -> None:
    with town() as place:
        check("fine", f"{place.url}/fine")
        services.look_round()
        place.broken = True
        for expected in ("up", "up", "down"):
            again()
            assert CheckState.objects.get().verdict == expected
        place.broken = False
        for expected in ("down", "up"):
            again()
            assert CheckState.objects.get().verdict == expected
        assert list(Edge.objects.order_by("id").values_list("before", "after")) == [
            ("unknown", "up"), ("up", "down"), ("down", "up"),
        ]  # fmt: skip


def test_a_failed_look_is_repeated_fifteen_seconds_later() -> None:
    with town() as place:
        check("error", f"{place.url}/error", interval_seconds=300)
        services.look_round()
        assert (
            timedelta(seconds=10) < CheckState.objects.get().next_at - timezone.now() < timedelta(seconds=16)
        )


def test_while_we_are_cut_off_nothing_is_concluded(settings: Settings) -> None:
    settings.WATCH_ANCHORS = ["127.0.0.1:1"]
    with town() as place:
        check("error", f"{place.url}/error")
        services.look_round()
        state = CheckState.objects.get()
        assert (state.verdict, state.seen, state.detail) == (
            "unknown",
            "unknown",
            "We are cut off ourselves.",
        )


def test_with_an_anchor_that_answers_failures_count(settings: Settings) -> None:
    with town() as place:
        settings.WATCH_ANCHORS = ["127.0.0.1:1", f"127.0.0.1:{place.port}"]
        check("error", f"{place.url}/error")
        services.look_round()
        assert CheckState.objects.get().seen == "down"


def test_a_folder_of_backups_that_vanishes_is_down_on_the_machine_that_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "mc-1.backup").write_text("whole")
    made = check("mc", "http://unused")
    Check.objects.filter(pk=made.pk).update(kind="backup", settings={"files": f"{folder}/mc-*.backup"})
    services.look_round()
    assert CheckState.objects.get().verdict == "up"
    shutil.rmtree(folder)
    here = platform.node()
    monkeypatch.setattr(platform, "node", lambda: "another")
    again()
    state = CheckState.objects.get()
    assert (state.seen, state.facts) == ("unknown", {"machine": here}), "somebody else's, who remembers it"
    monkeypatch.setattr(platform, "node", lambda: here)
    for _ in range(3):
        again()
    state = CheckState.objects.get()
    assert (state.verdict, state.detail) == ("down", f"The folder {folder} is gone from {here}.")


def test_the_claim_of_a_killed_prober_runs_out() -> None:
    check("fine", "http://127.0.0.1:1/")
    assert len(watching.take()) == 1
    assert watching.take() == []
    CheckState.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert len(watching.take()) == 1


def test_settings_that_no_longer_fit_are_unknown_not_down() -> None:
    made = check("fine", "http://127.0.0.1:1/")
    Check.objects.filter(pk=made.pk).update(settings={"nonsense": 1})
    services.look_round()
    assert "do not fit" in CheckState.objects.get().detail


def test_a_batch_is_written_in_a_few_statements() -> None:
    with town() as place:
        for number in range(40):
            Check.objects.create(
                slug=f"c{number}", kind="http", settings={"url": f"{place.url}/fine", "private": True}
            )
        services.ensure_states()
        CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        with CaptureQueriesContext(connection) as captured:
            assert services.look_round() == 40
        statements = [
            one["sql"] for one in captured if one["sql"].lstrip().startswith(("UPDATE", "INSERT", "SELECT"))
        ]
        assert len(statements) <= 6


def test_first_looks_are_spread_over_the_interval() -> None:
    for number in range(50):
        Check.objects.create(
            slug=f"c{number}", kind="http", settings={"url": "http://x/"}, interval_seconds=300
        )
    services.ensure_states()
    due = sorted(CheckState.objects.values_list("next_at", flat=True))
    assert due[-1] - due[0] > timedelta(seconds=150)
