"""Down time is what was really down, to the second, however often it came back and however many checks saw it."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from alai.kernel.principals import Principal
from infra import services
from infra.admin import postmortems
from infra.models import AlertRule, Check, Edge, Incident, Service
from infra.outages import checks_of, down_seconds
from tests.infra.small import settle

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 5, 8, 12, tzinfo=UTC)
OLE = Principal(actor="ole", scopes=frozenset({"infra:write"}))


@pytest.fixture(autouse=True)
def company() -> None:
    settle()


def check(slug: str, **fields: object) -> Check:
    rule = AlertRule.objects.get(slug="ServiceDown")
    return Check.objects.create(slug=slug, kind="tcp", settings={"host": "x", "port": 1}, rule=rule, **fields)


def edge(of: Check, after: str, seconds: float) -> None:
    at = T0 + timedelta(seconds=seconds)
    Edge.objects.create(check_record=of, at=at, before="", after=after, detail="x")
    services.deal_with_edges(now=at)


def down_time(incident: Incident) -> str:
    incident.refresh_from_db()
    return dict(postmortems.facts(incident))["Down time"]


def test_an_outage_of_two_minutes_is_two_minutes_and_not_its_whole_hour() -> None:
    one = check("one")
    edge(one, "down", -7200)
    edge(one, "up", -6900)  # another incident, in the hours before
    edge(one, "down", 60)
    edge(one, "up", 185)
    assert down_time(Incident.objects.latest("id")) == "2 min 5 s"


def test_what_came_back_within_the_incident_counts_without_the_time_between() -> None:
    one = check("one")
    for after, at in (
        ("down", 0),
        ("up", 60),
        ("blocked", 300),
        ("degraded", 400),
        ("down", 500),
        ("unknown", 530),
    ):
        edge(one, after, at)
    edge(one, "up", 700)
    incident = Incident.objects.get()
    assert incident.reopened == 1
    assert down_time(incident) == "3 min 10 s"


def test_an_incident_that_lasts_counts_until_now() -> None:
    one = check("one")
    edge(one, "down", (timezone.now() - T0).total_seconds() - 90)
    assert down_time(Incident.objects.get()) in ("1 min 30 s", "1 min 31 s")


def test_times_that_several_checks_were_down_count_once() -> None:
    root = check("root")
    part = check("part")
    part.depends_on.add(root)
    edge(root, "down", 0)
    edge(part, "down", 30)
    edge(root, "up", 100)
    incident = Incident.objects.get(check_record=root)
    assert incident.parts.count() == 0 or incident.parts.get().check_record == part
    assert down_seconds([root.pk, part.pk], T0, T0 + timedelta(seconds=160)) == 160
    assert down_seconds([part.pk], T0, T0 + timedelta(seconds=160)) == 130
    assert down_seconds([], T0, T0 + timedelta(seconds=160)) == 0


def test_of_a_declared_incident_the_checks_of_what_it_is_about_tell() -> None:
    web = check("web", service=Service.objects.get(slug="lightrag"))
    check("other")
    made = services.declare(by=OLE, title="Slow", severity="warning", services=["lightrag"])
    assert checks_of(made) == {web.pk}


def test_it_equals_a_count_of_every_second() -> None:
    dice = random.Random(5)
    for round_number in range(30):
        checks = [check(f"c{round_number}-{number}") for number in range(3)]
        bad: set[int] = set()
        for one in checks:
            moments = sorted(dice.sample(range(-500, 1500), 12))
            words = [dice.choice(("up", "down", "blocked", "degraded", "unknown")) for _ in moments]
            Edge.objects.bulk_create(
                Edge(check_record=one, at=T0 + timedelta(seconds=at), before="", after=word, dealt_with=True)
                for at, word in zip(moments, words, strict=True)
            )
            for at, until, word in zip(moments, [*moments[1:], 1000], words, strict=True):
                bad.update(range(max(0, at), min(1000, until)) if word in ("down", "blocked") else ())
        assert down_seconds([one.pk for one in checks], T0, T0 + timedelta(seconds=1000)) == len(bad)
