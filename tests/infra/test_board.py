"""What the board reads at once of very many checks says the same as one check's own page."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from infra import selectors, services
from infra.history import Run, history, unseen
from infra.models import Check, CheckState, DaySummary, Site
from tests.admin.conftest import ada

__all__ = ["ada"]
AGES = (0, 239, 240, 240.001, 86_400)  # seconds; with an interval of 60, a look is stale after 240


def check(name: str, site: Site | None = None) -> Check:
    return Check.objects.create(slug=name, kind="http", settings={"url": "https://x/"}, site=site)


@pytest.mark.django_db
def test_a_verdict_read_at_once_is_the_one_read_by_itself() -> None:
    now = timezone.now()
    check("no-state")
    for verdict in ("up", "degraded", "down", "blocked", "unknown"):
        for age in AGES:
            looked_at = now - timedelta(seconds=age)
            CheckState.objects.create(
                check_record=check(f"{verdict}-{age}"), verdict=verdict, looked_at=looked_at
            )
    CheckState.objects.create(check_record=check("never"), verdict="up")
    found = {one.pk: one.verdict for one in selectors.enabled_checks(now)}
    alone = {one.pk: selectors.standing_of(one, now) for one in selectors.checks()}
    assert found == {pk: standing.verdict for pk, standing in alone.items()}
    read_at_once = selectors.standings(list(alone), now)
    assert read_at_once == {pk: alone[pk] for pk in CheckState.objects.values_list("pk", flat=True)}


@pytest.mark.django_db
def test_a_past_is_90_days_of_which_good_ones_join_and_each_bad_one_tells_how_long() -> None:
    now, today = timezone.now(), timezone.localdate()
    watched, other = check("watched"), check("other")
    told = {
        0: {"up": 80_000, "down": 300, "degraded": 5}, 1: {"up": 1}, 2: {"up": 1}, 4: {"degraded": 90},
        5: {"blocked": 60, "down": 60}, 6: {"up": 5}, 7: {"unknown": 9}, 90: {"down": 9},
    }  # fmt: skip
    DaySummary.objects.bulk_create(
        DaySummary(check_record=watched, day=today - timedelta(days=back), **seconds)
        for back, seconds in told.items()
    )
    past = history([watched.pk, other.pk], now)
    assert past[other.pk] == unseen(now)
    assert [(run.length, run.tone, run.said.split(": ")[1]) for run in past[watched.pk].runs] == [
        (83, "unknown", "not seen"), (1, "success", "up"), (1, "danger", "away for 2 min"),
        (1, "warning", "degraded for 2 min"), (1, "unknown", "not seen"), (2, "success", "up"),
        (1, "danger", "away for 5 min"),
    ]  # fmt: skip
    assert past[watched.pk].percent == f"{100 * (80_002 + 5 + 90 + 5) / (80_102 + 420):.2f} %"


@pytest.mark.django_db
def test_a_past_says_its_days() -> None:
    first, today = (timezone.localdate() - timedelta(days=back) for back in (89, 0))
    said = f"{first.day} {first:%b} to {today.day} {today:%b}: not seen"
    assert unseen(timezone.now()).runs == [Run(90, "unknown", said)]
    assert unseen(timezone.now()).percent == "–"


def test_checks_of_no_site_are_named_with_how_they_stand(ada: Client) -> None:
    check("backup <age>")
    services.ensure_states()
    CheckState.objects.update(verdict="down", looked_at=timezone.now(), detail="26 hours")
    page = ada.get(reverse("admin:infra_incident_board")).content.decode()
    assert ">backup &lt;age&gt;</a>" in page
    assert "down 26 hours" in page
