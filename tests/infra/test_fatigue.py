"""Alerts stay few: those that are not critical wait for their hours to end, and are told then. Handbook 3.4."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from alai.kernel.models import Notification
from alai.kernel.principals import Principal
from infra import registry, services
from infra.hours import end_of
from infra.models import AlertPolicy, AlertRule, Check, Edge, Incident, Severity
from infra.services.fatigue import held_until
from tests.infra.conftest import Folder
from tests.infra.small import settle

OSLO = ZoneInfo("Europe/Oslo")
OLE = Principal(actor="ole", scopes=frozenset({"infra:write"}))
NIGHT = (time(22), time(7))


def at(text: str, zone: ZoneInfo = OSLO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "moment", "end"),
    [
        (NIGHT, "2026-05-08 21:59:59", None),
        (NIGHT, "2026-05-08 22:00", "2026-05-09 07:00"),
        (NIGHT, "2026-05-09 06:59:59", "2026-05-09 07:00"),
        (NIGHT, "2026-05-09 07:00", None),
        ((time(8), time(16, 30)), "2026-05-08 08:00", "2026-05-08 16:30"),
        ((time(8), time(16, 30)), "2026-05-08 16:30", None),
        ((time(8), time(16, 30)), "2026-05-08 07:59", None),
        ((time(22), time(0)), "2026-12-31 23:30", "2027-01-01 00:00"),
        ((time(22), time(0)), "2027-01-01 00:00", None),
    ],
)
def test_hours_end_on_the_wall_also_after_midnight(
    hours: tuple[time, time], moment: str, end: str | None
) -> None:
    assert end_of(*hours, at(moment), OSLO) == (end and at(end))


@pytest.mark.parametrize(("night", "length"), [("2026-03-28", 8), ("2026-10-24", 10), ("2026-05-08", 9)])
def test_a_night_of_changing_clocks_ends_at_seven_all_the_same(night: str, length: int) -> None:
    start = at(f"{night} 22:00")
    end = end_of(*NIGHT, start, OSLO)
    assert end is not None
    assert (end.hour, end.astimezone(UTC) - start) == (7, timedelta(hours=length))


def test_hours_that_come_twice_or_never_end_soon_after() -> None:
    """02:30 comes twice in October and never in March."""
    hours = (time(1), time(2, 30))
    for first in range(0, 24 * 60, 7):
        for day in (date(2026, 3, 29), date(2026, 10, 25)):
            moment = datetime.combine(day, time(0), UTC) - timedelta(hours=3) + timedelta(minutes=first)
            end = end_of(*hours, moment, OSLO)
            inside = hours[0] <= moment.astimezone(OSLO).time() < hours[1]
            assert (end is not None) == inside
            if end is not None:
                assert 0 < end.timestamp() - moment.timestamp() <= 1.5 * 3600


@pytest.fixture
def night(db: None) -> AlertPolicy:
    settle()
    Severity.objects.create(slug="high", label="High", rank=2)
    return AlertPolicy.objects.create(slug="default", suppress_from=NIGHT[0], suppress_until=NIGHT[1])


def failing(moment: datetime, rule: str = "DiskAlmostFull") -> Check:
    check = Check.objects.create(
        slug=f"tcp:{rule}",
        kind="tcp",
        settings={"host": "x", "port": 1},
        rule=AlertRule.objects.get(slug=rule),
    )
    edge(check, "down", moment)
    return check


def edge(check: Check, after: str, moment: datetime) -> None:
    before = "up" if after == "down" else "down"
    Edge.objects.create(check_record=check, at=moment, before=before, after=after, detail="x")
    services.deal_with_edges(now=moment)


def told() -> list[str]:
    return [one.text.split(":")[0] for one in Notification.objects.order_by("id")]


def test_a_warning_of_the_night_is_told_in_the_morning(night: AlertPolicy) -> None:
    failing(at("2026-05-08 23:00"))
    for hour in range(23, 24 + 7):
        moment = at("2026-05-08 00:10") + timedelta(hours=hour)
        assert services.escalate(now=moment) == 0
    incident = Incident.objects.get()
    assert incident.next_step_at == at("2026-05-09 07:00")
    assert [entry.text for entry in incident.entries.filter(kind="held")] == [
        "until 07:00: what is not critical waits"
    ]
    assert services.escalate(now=at("2026-05-09 06:59:59")) == 0
    assert services.escalate(now=at("2026-05-09 07:00")) == 1
    assert told() == ["[L1 WARNING] tcp"]


def test_a_critical_alert_never_waits(night: AlertPolicy) -> None:
    failing(at("2026-05-08 23:00"), "ServiceDown")
    assert services.escalate(now=at("2026-05-08 23:02")) == 1
    assert told() == ["[L1 CRITICAL] tcp"]


def test_what_the_registry_does_not_know_never_waits(night: AlertPolicy) -> None:
    assert held_until("warning", at("2026-05-08 23:00")) == at("2026-05-09 07:00")
    for severity in ("critical", "", "forgotten"):
        assert held_until(severity, at("2026-05-08 23:00")) is None


def test_a_level_that_comes_due_in_the_night_is_told_in_the_morning(night: AlertPolicy) -> None:
    rule = AlertRule.objects.get(slug="host-silent")
    rule.severity = Severity.objects.get(slug="high")
    rule.save()
    failing(at("2026-05-08 21:57"), "host-silent")
    assert services.escalate(now=at("2026-05-08 21:59")) == 1  # the first level heard before ten
    for moment in ("2026-05-08 22:02", "2026-05-09 03:00", "2026-05-09 06:59"):
        assert services.escalate(now=at(moment)) == 0
    assert services.escalate(now=at("2026-05-09 07:00")) == 1
    assert told() == ["[L1 HIGH] tcp", "[L3 HIGH] tcp"]


def test_levels_keep_their_distance_after_the_hours(night: AlertPolicy) -> None:
    rule = AlertRule.objects.get(slug="host-silent")
    rule.severity = Severity.objects.get(slug="high")
    rule.save()
    failing(at("2026-05-09 23:00"), "host-silent")
    services.escalate(now=at("2026-05-09 23:02"))
    assert services.escalate(now=at("2026-05-10 07:00")) == 1
    assert services.escalate(now=at("2026-05-10 07:02:59")) == 0
    assert services.escalate(now=at("2026-05-10 07:03")) == 1


def test_what_was_over_before_the_morning_is_told_all_the_same(night: AlertPolicy) -> None:
    check = failing(at("2026-05-08 23:00"))
    services.escalate(now=at("2026-05-08 23:05"))
    edge(check, "up", at("2026-05-09 02:00"))
    (over,) = Notification.objects.all()
    assert over.text == "[WARNING OVER] tcp:DiskAlmostFull is down for 180 min, from 23:00"
    assert (over.recipient, over.not_before) == ("alerts", at("2026-05-09 07:00"))


def test_what_flaps_all_night_is_told_once(night: AlertPolicy) -> None:
    check = failing(at("2026-05-08 23:00"))
    for hour in (0, 1, 2):
        start = at("2026-05-08 23:00") + timedelta(minutes=20 * hour)
        services.escalate(now=start + timedelta(minutes=6))
        edge(check, "up", start + timedelta(minutes=10))
        edge(check, "down", start + timedelta(minutes=20))
    edge(check, "up", at("2026-05-09 03:00"))
    assert Notification.objects.count() == 1


def test_a_short_trouble_of_the_night_disturbs_nobody(night: AlertPolicy) -> None:
    check = failing(at("2026-05-08 23:00"))
    services.escalate(now=at("2026-05-08 23:02"))
    edge(check, "up", at("2026-05-08 23:04"))
    assert told() == []


def test_what_somebody_took_in_the_night_is_told_nobody_else(night: AlertPolicy) -> None:
    check = failing(at("2026-05-08 23:00"))
    services.escalate(now=at("2026-05-08 23:05"))
    services.acknowledge(by=OLE, incident_id=Incident.objects.get().pk)
    edge(check, "up", at("2026-05-09 02:00"))
    assert services.escalate(now=at("2026-05-09 07:00")) == 0
    assert told() == []


def test_that_a_warning_is_over_waits_for_the_morning_too(night: AlertPolicy) -> None:
    check = failing(at("2026-05-08 20:00"))
    services.escalate(now=at("2026-05-08 20:05"))
    edge(check, "up", at("2026-05-09 02:00"))
    over = Notification.objects.get(text__startswith="[RESOLVED]")
    assert over.not_before == at("2026-05-09 07:00")


def test_without_hours_nothing_waits(night: AlertPolicy) -> None:
    AlertPolicy.objects.update(suppress_from=None, suppress_until=None)
    failing(at("2026-05-08 23:00"))
    assert services.escalate(now=at("2026-05-08 23:05")) == 1


def test_the_hours_are_registry_data(folder: Folder) -> None:
    folder.write("severities.yaml", "critical:\n  label: C\n  rank: 1\nwarning:\n  label: W\n  rank: 3\n")
    folder.write("alert_policies.yaml", 'default:\n  suppress_from: "22:00"\n  suppress_until: "07:00"\n')
    registry.load(folder.path)
    assert held_until("warning", at("2026-05-08 23:00")) == at("2026-05-09 07:00")
    folder.edit("alert_policies.yaml", '  suppress_until: "07:00"\n', "")
    with pytest.raises(registry.RegistryError, match="a start and an end"):
        registry.load(folder.path)


def test_hours_have_a_start_and_an_end() -> None:
    for start, end in ((time(22), None), (None, time(7)), (time(7), time(7))):
        with pytest.raises(ValidationError):
            AlertPolicy(slug="x", suppress_from=start, suppress_until=end).clean()
    AlertPolicy(slug="x", suppress_from=time(22), suppress_until=time(7)).clean()


@pytest.mark.parametrize(("seconds", "minutes"), [(600, 10), (120, 2), (0, 2)])
def test_the_policy_decides_how_long_trouble_lasts_before_anybody_hears_but_never_less_than_two_minutes(
    night: AlertPolicy, seconds: int, minutes: int
) -> None:
    AlertPolicy.objects.update(minimum_duration_seconds=seconds)
    failing(at("2026-05-08 12:00"), "host-silent")
    assert Incident.objects.get().next_step_at == at("2026-05-08 12:00") + timedelta(minutes=minutes)


def test_the_policy_decides_how_soon_the_same_trouble_is_the_same_incident(night: AlertPolicy) -> None:
    AlertPolicy.objects.update(dedup_minutes=60)
    check = failing(at("2026-05-08 12:00"))
    edge(check, "up", at("2026-05-08 12:10"))
    edge(check, "down", at("2026-05-08 12:59"))
    assert Incident.objects.get().reopened == 1
    AlertPolicy.objects.update(dedup_minutes=5)
    edge(check, "up", at("2026-05-08 13:10"))
    edge(check, "down", at("2026-05-08 13:16"))
    assert Incident.objects.count() == 2
