"""Each row of the hosting alert table has a source; a wrong answer of a CDN or a forge is unknown, never up or down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from infra import registry, services
from infra.models import AlertRule, Check, CheckState, Incident
from infra.probes import Observation, Verdict, make
from tests.infra.conftest import load_facts
from tests.infra.world import see
from tests.standins.service import Service, service

TOKEN = "a-token-that-must-not-leak"


@pytest.fixture
def api() -> Iterator[Service]:
    with service() as found:
        yield found


def zone(**parts: Any) -> dict[str, Any]:
    return {"data": {"viewer": {"zones": [parts]}}, "errors": None}


def groups(*counts: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"count": count, "dimensions": {"edgeResponseStatus": status}} for status, count in counts]


def ask(api: Service, kind: str = "cloudflare", **fields: Any) -> Observation:
    known: dict[str, Any] = {"zone": "env:ZONE"} if kind == "cloudflare" else {"repository": "example/site"}
    made = make(
        kind, {**known, "token": "env:TOKEN", "api": api.url, "private": True, "timeout": 2, **fields}
    )
    return see(made, secrets={"env:ZONE": "zone-1", "env:TOKEN": TOKEN})


def test_more_than_one_percent_of_5xx_is_told_with_the_figures(api: Service) -> None:
    api.answer = zone(seen=groups((200, 980), (502, 15), (404, 5)))
    seen = ask(api)
    assert seen.verdict == Verdict.DEGRADED
    assert seen.detail == "15 of 1,000 answers in 10 min were 5xx (1.50 %), more than 1 %."
    assert seen.facts["errors_percent"] == 1.5
    (asked,) = api.asked
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.body["variables"]["zone"] == "zone-1"
    api.answer = zone(seen=groups((200, 990), (500, 10)))
    assert ask(api).verdict == Verdict.UP
    api.answer = zone(seen=groups((500, 3)))
    assert (ask(api).verdict, ask(api).detail.endswith("tell nothing")) == (Verdict.UP, True)


def test_traffic_is_held_against_the_day_before(api: Service) -> None:
    api.answer = zone(seen=[{"count": 12_000}], before=[{"count": 288_000}])  # 1,000 in five minutes
    seen = ask(api, watch="traffic", limit=10, minutes=5)
    assert (seen.verdict, seen.facts["times"]) == (Verdict.DEGRADED, 12.0)
    api.answer = zone(seen=[{"count": 9_000}], before=[{"count": 288_000}])
    assert ask(api, watch="traffic", limit=10, minutes=5).verdict == Verdict.UP
    api.answer = zone(seen=[{"count": 9_000}], before=[])
    assert "too few to compare" in ask(api, watch="traffic", limit=10, minutes=5).detail


def test_bandwidth_is_held_against_the_plan(api: Service) -> None:
    api.answer = zone(days=[{"sum": {"bytes": 50_000_000_000}}, {"sum": {"bytes": 31_000_000_000}}])
    seen = ask(api, watch="bandwidth", limit=80, plan_gb=100)
    assert (seen.verdict, seen.facts["percent"]) == (Verdict.DEGRADED, 81.0)
    assert ask(api, watch="bandwidth", limit=80, plan_gb=200).verdict == Verdict.UP
    assert ask(api, watch="bandwidth", limit=80).verdict == Verdict.UNKNOWN  # no plan, no verdict


@pytest.mark.parametrize(
    ("answer", "status", "headers", "words"),
    [
        ({"errors": [{"message": "cannot authorize"}], "data": None}, 200, {}, "cannot authorize"),
        ({"errors": ["nope"], "data": None}, 200, {}, "nope"),
        ({"data": {"viewer": {"zones": []}}}, 200, {}, "know no such zone"),
        ({"data": None}, 200, {}, "know no such zone"),
        ([], 200, {}, "know no such zone"),
        (b"<html>hotel wifi</html>", 200, {}, "not JSON"),
        (b"\xff" * 50, 200, {}, "not JSON"),
        (zone(other=[]), 200, {}, "left seen out"),
        (zone(seen=[{"count": "many"}]), 200, {}, "figures that are none"),
        (zone(seen=[{"count": -1}]), 200, {}, "figures that are none"),
        (zone(seen=[7]), 200, {}, "left seen out"),
        ({}, 429, {"Retry-After": "300"}, "again in 300 s"),
        ({}, 429, {"Retry-After": "soon"}, "Asked too often."),
        ({}, 403, {}, "Analytics: Read"),
        ({}, 502, {}, "answered 502"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_judged_is_unknown(
    api: Service, answer: Any, status: int, headers: dict[str, str], words: str
) -> None:
    api.answer, api.status, api.headers = answer, status, headers
    seen = ask(api)
    assert (seen.verdict, words in seen.detail) == (Verdict.UNKNOWN, True), seen
    assert TOKEN not in seen.detail


def test_a_service_that_hangs_up_and_a_secret_that_is_missing_are_unknown(api: Service) -> None:
    api.cut = True
    assert ask(api).verdict == Verdict.UNKNOWN
    assert ask(api, kind="builds").verdict == Verdict.UNKNOWN
    gone = ask(api, token="env:GONE")
    assert (gone.verdict, "GONE" in gone.detail) == (Verdict.UNKNOWN, True)


def run(name: str, conclusion: str, at: str, sha: str = "abcdef1234") -> dict[str, str]:
    return {
        "name": name, "conclusion": conclusion, "updated_at": at, "head_sha": sha, "html_url": f"https://x/{name}",
    }  # fmt: skip


def test_a_failed_build_on_main_is_down_until_its_workflow_succeeds(api: Service) -> None:
    api.answer = {"workflow_runs": [run("deploy", "failure", "2026-05-08T12:00:00Z")]}
    seen = ask(api, kind="builds")
    assert (seen.verdict, seen.detail) == (Verdict.DOWN, "deploy failure at abcdef1: https://x/deploy")
    assert "branch=main" in api.asked[0].path
    api.answer["workflow_runs"].insert(0, run("lint", "success", "2026-05-08T12:05:00Z"))
    assert ask(api, kind="builds").verdict == Verdict.DOWN  # another workflow's success heals nothing
    api.answer["workflow_runs"].insert(0, run("deploy", "cancelled", "2026-05-08T12:06:00Z"))
    assert ask(api, kind="builds").verdict == Verdict.DOWN
    api.answer["workflow_runs"].insert(0, run("deploy", "success", "2026-05-08T12:10:00Z", "1234567890"))
    seen = ask(api, kind="builds")
    assert (seen.verdict, seen.facts["version"]) == (Verdict.UP, "1234567")


UNREADABLE = [{}, [], {"workflow_runs": "x"}, {"workflow_runs": [1]}, {"workflow_runs": []}, b"garbage"]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_runs_that_cannot_be_read_are_unknown(api: Service, answer: Any) -> None:
    api.answer = answer
    assert ask(api, kind="builds").verdict == Verdict.UNKNOWN


@pytest.mark.django_db
def test_a_token_itself_is_refused_by_the_registry_and_not_repeated() -> None:
    check = Check(slug="c", kind="cloudflare", settings={"zone": "z", "token": TOKEN})
    with pytest.raises(ValidationError) as raised:
        check.full_clean()
    assert "env:NAME" in str(raised.value)
    assert TOKEN not in str(raised.value)


@pytest.mark.django_db
def test_an_error_rate_becomes_an_incident_through_the_prober(
    api: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZONE", "zone-1")
    monkeypatch.setenv("TOKEN", TOKEN)
    load_facts()
    api.answer = zone(seen=groups((200, 100), (500, 100)))
    fields = {"zone": "env:ZONE", "token": "env:TOKEN", "api": api.url, "private": True}
    Check.objects.create(
        slug="5xx", kind="cloudflare", settings=fields, rule=AlertRule.objects.get(slug="rate-5xx")
    )
    services.ensure_states()
    for _ in range(3):
        CheckState.objects.update(next_at=timezone.now())
        services.look_round()
    services.deal_with_edges()
    assert Incident.objects.get().title == "5xx is degraded"
    assert TOKEN not in str(CheckState.objects.get().facts) + CheckState.objects.get().detail


@pytest.mark.django_db
def test_each_row_of_the_hosting_table_has_a_check_that_feeds_it() -> None:
    registry.load(Path(settings.REGISTRY_DIR))
    fed = set(Check.objects.exclude(rule=None).values_list("rule__slug", flat=True))
    assert set(AlertRule.objects.filter(policy__slug="hosting").values_list("slug", flat=True)) <= fed
