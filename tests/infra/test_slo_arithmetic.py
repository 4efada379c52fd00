"""What objectives measure equals an exact oracle on random histories, in the database and in the formulas."""

import random
from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import connection

from infra import objectives, services, slo
from infra.models import BurnTier, Check, MaintenanceWindow, Objective, ObjectiveHour, Result, Severity, Site
from infra.objectives import MEASURED, Stretch
from infra.slo import Measure, Policy
from tests.infra import histories
from tests.infra.histories import T0, History, Span, moment
from tests.length import times

pytestmark = pytest.mark.django_db
NEAR = 1e-9
HOUR = 3_600_000_000  # microseconds


def sites_with_maintenance(
    chance: random.Random, count: int, length: int
) -> list[tuple[Site, tuple[Span, ...]]]:
    """Windows that overlap, touch and reach beyond the time that is looked at."""
    sites = Site.objects.bulk_create(Site(slug=f"s{n}.example.com", kind="static") for n in range(count))
    found = []
    for number, site in enumerate(sites):
        spans = []
        for at in range(chance.choice([0, 0, 1, 3])):
            since = chance.randrange(-length, length)
            until = since + chance.randrange(1, length)
            spans.append((since, until))
            window = MaintenanceWindow.objects.create(
                slug=f"w{number}-{at}", starts_at=moment(since), ends_at=moment(until), reason="moving"
            )
            window.sites.add(site)
        found.append((site, tuple(spans)))
    return found


def store(many: list[tuple[Site, History]]) -> list[Objective]:
    checks = Check.objects.bulk_create(
        Check(
            slug=f"c{n}", kind="tcp", settings={"host": "x", "port": 1}, site=site, interval_seconds=one.interval
        )
        for n, (site, one) in enumerate(many)
    )  # fmt: skip
    Result.objects.bulk_create(
        [
            Result(check_record=check, at=moment(look.at), verdict=look.verdict, latency_ms=look.latency)
            for check, (_, one) in zip(checks, many, strict=True)
            for look in one.looks
        ],
        batch_size=5_000,
    )
    stored = Objective.objects.bulk_create(
        Objective(
            slug=f"o{n}", name=f"O{n}", check_record=check, target=one.target, threshold_ms=one.threshold,
            sli="latency" if one.threshold is not None else "availability", window_days=1,
        )
        for n, (check, (_, one)) in enumerate(zip(checks, many, strict=True))
    )  # fmt: skip
    with connection.cursor() as cursor:  # nobody else can: these rows are this transaction's alone
        cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in (Check, Result, Objective))}")
    return stored


def test_a_thousand_histories_add_up_as_piece_by_piece() -> None:
    chance = random.Random(20260508)
    places = sites_with_maintenance(chance, 100, HOUR)
    many = [
        (site, histories.random_history(chance, quiet))
        for site, quiet in chance.choices(places, k=times(1_000))
    ]
    stored = store(many)
    stretches = [
        Stretch(one.pk, 0, moment(history.span[0]), moment(history.span[1]))
        for one, (_, history) in zip(stored, many, strict=True)
    ]
    found = {pk: measure for pk, _, measure in objectives.added_up(MEASURED, stretches)}
    policies = set()
    for one, (_, history) in zip(stored, many, strict=True):
        expected, measure = histories.add_up(history, history.span), found[one.pk]
        assert measure.good == pytest.approx(float(expected.good), abs=NEAR), history
        assert measure.bad == pytest.approx(float(expected.bad), abs=NEAR), history
        assert measure.excluded == pytest.approx(float(expected.excluded), abs=NEAR), history
        assert measure.bad_looks == expected.bad_looks, history
        rate, exact = slo.burn(measure, history.target), expected.burn(history.target)
        assert rate == (None if exact is None else pytest.approx(float(exact), rel=NEAR, abs=NEAR)), history
        seconds = Fraction(30 * 86_400)
        left = expected.left(history.target, seconds)
        budget = slo.budget(measure, target=history.target, seconds=float(seconds))
        assert budget.left == pytest.approx(float(left), rel=NEAR, abs=NEAR), history
        policies.add(slo.policy(budget.left))
    assert policies == set(Policy)


def test_whole_windows_add_up_from_hours_and_looks_alike() -> None:
    """What is read, partly from hours and partly from looks, is what the looks of the whole window say."""
    chance = random.Random(7)
    places = sites_with_maintenance(chance, 10, 24 * HOUR)
    many = [
        (site, histories.random_history(chance, quiet, hours=24))
        for site, quiet in chance.choices(places, k=60)
    ]
    stored = store(many)
    now = moment(19 * HOUR + 1_234_567_891)
    tiers = [("a", 6 * 3600, 1800), ("b", 86_400, 3600), ("c", 3600, 300), ("d", 3 * 86_400, 7200)]
    make_tiers(tiers)
    services.sum_up_objectives(now=now)
    assert services.sum_up_objectives(now=now) == 0
    for one, (_, history) in zip(stored, many, strict=True):
        (reading,) = objectives.readings(
            [Objective.objects.select_related("check_record").get(pk=one.pk)], now
        )
        for seconds in {length for _, *lengths in tiers for length in lengths}:
            end = (now - T0) // histories.MICRO
            expected = histories.add_up(history, (end - seconds * 1_000_000, end))
            measure = reading.windows[seconds]
            assert measure.good == pytest.approx(float(expected.good), abs=NEAR), (seconds, history)
            assert measure.bad == pytest.approx(float(expected.bad), abs=NEAR), (seconds, history)
            assert measure.excluded == pytest.approx(float(expected.excluded), abs=NEAR), (seconds, history)
            assert measure.bad_looks == expected.bad_looks, (seconds, history)


def make_tiers(rows: list[tuple[str, int, int]]) -> None:
    severity = Severity.objects.create(slug="critical", label="Critical", rank=1)
    for slug, long, short in rows:
        BurnTier.objects.create(
            slug=slug, factor=14.4, long_seconds=long, short_seconds=short, severity=severity
        )


def test_maintenance_that_is_entered_later_changes_what_was_summed_up() -> None:
    site = Site.objects.create(slug="a.example.com", kind="static")
    looks = tuple(histories.Look(at * 60_000_000, "down", None) for at in range(600))
    (one,) = store([(site, History(60, looks, (), None, 99.0, (0, 0)))])
    now = moment(10 * HOUR)
    services.sum_up_objectives(now=now)
    assert sum(ObjectiveHour.objects.values_list("bad", flat=True)) == 9 * 3600
    window = MaintenanceWindow.objects.create(
        slug="w", starts_at=moment(HOUR), ends_at=moment(3 * HOUR), reason="it was us"
    )
    window.sites.add(site)
    services.sum_up_objectives(now=now)
    rows = ObjectiveHour.objects.filter(objective=one)
    assert sum(rows.values_list("bad", flat=True)) == 7 * 3600
    assert sum(rows.values_list("excluded", flat=True)) == 2 * 3600


def test_another_threshold_starts_anew() -> None:
    site = Site.objects.create(slug="a.example.com", kind="static")
    looks = tuple(histories.Look(at * 60_000_000, "up", 80.0) for at in range(600))
    (one,) = store([(site, History(60, looks, (), 100.0, 99.0, (0, 0)))])
    services.sum_up_objectives(now=moment(10 * HOUR))
    Objective.objects.filter(pk=one.pk).update(threshold_ms=50.0)
    services.sum_up_objectives(now=moment(10 * HOUR))
    assert sum(ObjectiveHour.objects.values_list("bad", flat=True)) == 9 * 3600
    assert sum(ObjectiveHour.objects.values_list("good", flat=True)) == 0


def test_a_gap_is_neither_good_nor_bad_and_makes_no_budget_smaller() -> None:
    measure = Measure(good=0.0, bad=43.2)
    budget = slo.budget(measure, target=99.9, seconds=30 * 86_400)
    assert budget.allowed == pytest.approx(2592)
    assert budget.left == pytest.approx(100 * (1 - 43.2 / 2592))
    assert slo.burn(Measure(), 99.9) is None


@pytest.mark.parametrize(
    ("left", "policy"),
    [(100, "move_fast"), (50.1, "move_fast"), (50, "slow_down"), (10, "slow_down"), (9.9, "freeze"), (-3, "freeze")],
)  # fmt: skip
def test_the_policy_is_the_handbooks(left: float, policy: str) -> None:
    assert slo.policy(left) == policy


def test_windows_are_cut_at_full_hours() -> None:
    now = T0 + timedelta(minutes=20)
    cut = slo.parts(now, timedelta(days=30), now - timedelta(days=14))
    assert (cut.start, cut.first, cut.last) == (
        T0 - timedelta(days=30) + slo.HOUR, T0 - timedelta(days=30) + slo.HOUR, T0 - slo.HOUR,
    )  # fmt: skip
    assert cut.stretches == ((T0 - slo.HOUR, now),)
    short = slo.parts(now, timedelta(minutes=5), now - timedelta(days=14))
    assert short.stretches == ((now - timedelta(minutes=5), now),)
    assert short.first == short.last
