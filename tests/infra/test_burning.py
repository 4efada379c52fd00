"""A budget that burns too fast is an incident at its tier's severity, one failed probe never is; freezes are lifted."""

from datetime import UTC, datetime, timedelta

import pytest

from alai.kernel.errors import ApiError
from alai.kernel.models import AuditEntry, Notification
from alai.kernel.principals import Principal
from infra import objectives, services
from infra.models import AlertRule, Check, Edge, Incident, MaintenanceWindow, Objective, Result, Site
from tests.infra.conftest import caller, load_facts

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 8, 12, 30, tzinfo=UTC)
OLE = Principal(actor="ole", scopes=frozenset({"infra:write"}))


@pytest.fixture
def objective() -> Objective:
    load_facts()
    check = Check.objects.create(
        slug="http:alai.no", kind="http", settings={"url": "https://alai.no/"}, site=Site.objects.get(slug="alai.no"),
        rule=AlertRule.objects.get(slug="site-uptime"), interval_seconds=60,
    )  # fmt: skip
    return Objective.objects.create(
        slug="o", name="alai.no", check_record=check, target=99.9, rule=AlertRule.objects.get(slug="SLOBudgetBurning")
    )  # fmt: skip


def look(objective: Objective, *, bad_minutes: int, days: float = 30, now: datetime = NOW) -> None:
    """A look a minute (an hour beyond the last four days), the last `bad_minutes` of them failed."""
    check = objective.check_record
    recent = [
        Result(
            check_record=check,
            at=now - timedelta(minutes=ago),
            verdict="down" if ago <= bad_minutes else "up",
        )
        for ago in range(1, int(min(days, 4) * 1440))
    ]
    Result.objects.bulk_create(recent)
    services.sum_up_objectives(now=now)


def open_tiers() -> list[tuple[str, str]]:
    rows = Incident.objects.exclude(state="resolved").filter(objective__isnull=False).order_by("id")
    return [(one.tier, one.severity) for one in rows]


def test_each_tier_fires_at_its_factor_and_severity(objective: Objective) -> None:
    look(objective, bad_minutes=58)
    assert services.judge_objectives(now=NOW) == 5
    assert open_tiers() == [
        ("burn-14x", "critical"), ("burn-6x", "high"), ("burn-3x", "warning"), ("burn-1x", "warning"),
        ("budget", "critical"),
    ]  # fmt: skip
    assert services.judge_objectives(now=NOW) == 0


def test_one_trouble_is_told_once_however_many_tiers_it_fires(objective: Objective) -> None:
    look(objective, bad_minutes=58)
    services.judge_objectives(now=NOW)
    assert Incident.objects.filter(part_of=None).get().tier == "burn-14x"
    services.escalate(now=NOW + timedelta(minutes=2))
    assert Notification.objects.count() == 1


def test_the_outage_itself_explains_the_burn(objective: Objective) -> None:
    Edge.objects.create(check_record=objective.check_record, at=NOW, before="up", after="down", detail="503")
    services.deal_with_edges(now=NOW)
    look(objective, bad_minutes=58)
    services.judge_objectives(now=NOW)
    outage = Incident.objects.get(check_record__isnull=False)
    assert Incident.objects.filter(part_of=None).get() == outage
    assert outage.parts.count() == 5


def test_one_failed_probe_or_two_open_nothing_whatever_the_factor(objective: Objective) -> None:
    for minutes in (1, 2):
        Result.objects.all().delete()
        objective.hours.all().delete()
        look(objective, bad_minutes=minutes)
        (reading,) = objectives.readings(now=NOW)
        assert (reading.burn(300) or 0) > 100
        assert services.judge_objectives(now=NOW) == 0


def test_a_burn_that_is_over_in_the_short_window_is_over(objective: Objective) -> None:
    look(objective, bad_minutes=10)
    services.judge_objectives(now=NOW)
    assert ("burn-14x", "critical") in open_tiers()
    later = NOW + timedelta(minutes=7)
    for minute in range(7):
        Result.objects.create(
            check_record=objective.check_record, at=NOW + timedelta(minutes=minute), verdict="up"
        )
    services.judge_objectives(now=later)
    assert "burn-14x" not in dict(open_tiers())
    assert Incident.objects.get(tier="burn-14x").resolved_by == "system"


def test_a_burn_that_comes_back_soon_is_the_same_incident(objective: Objective) -> None:
    look(objective, bad_minutes=10)
    services.judge_objectives(now=NOW)
    Incident.objects.filter(tier="burn-14x").update(
        state="resolved", resolved_at=NOW - timedelta(minutes=3), resolved_by="system"
    )
    services.judge_objectives(now=NOW)
    again = Incident.objects.get(tier="burn-14x")
    assert (again.state, again.reopened) == ("open", 1)


def test_maintenance_burns_nothing(objective: Objective) -> None:
    from_registry = objective.check_record.site
    assert from_registry is not None
    window = services_window(NOW - timedelta(hours=2), NOW)
    window.sites.add(from_registry)
    look(objective, bad_minutes=58)
    assert services.judge_objectives(now=NOW) == 0
    (reading,) = objectives.readings(now=NOW)
    assert (reading.left, reading.policy) == (100.0, "move_fast")


def services_window(since: datetime, until: datetime) -> MaintenanceWindow:
    return MaintenanceWindow.objects.create(slug="w", starts_at=since, ends_at=until, reason="moving")


def test_without_a_target_nothing_is_judged_and_nothing_invented(objective: Objective) -> None:
    Objective.objects.update(target=None)
    look(objective, bad_minutes=58)
    assert services.judge_objectives(now=NOW) == 0
    (reading,) = objectives.readings(now=NOW)
    assert (reading.budget, reading.left, reading.policy, reading.may_deploy) == (None, None, None, True)
    assert reading.measure.ratio is not None


def test_the_gate_closes_below_ten_percent_and_somebody_may_lift_it(objective: Objective) -> None:
    site = Site.objects.get(slug="alai.no")
    look(objective, bad_minutes=41)  # of 43.2 minutes that a month has
    gate = objectives.deploy_gate(site=site, now=NOW)
    assert not gate.allowed
    assert "Freeze non-critical deploys" in gate.reason
    assert objectives.deploy_gate(site=site, critical=True, now=NOW).allowed
    services.override_freeze(by=OLE, objective="o", reason="The fix itself", hours=2)
    override = objective.overrides.get()
    assert AuditEntry.objects.filter(
        target_type="infra_deployoverride", actor="ole", why="The fix itself"
    ).exists()
    lifted = objectives.deploy_gate(site=site, now=override.expires_at - timedelta(seconds=1))
    assert "ole lifted the freeze: The fix itself" in lifted.reason or lifted.allowed
    assert objectives.live_overrides(override.expires_at) == {}
    services.end_override(by=OLE, objective="o")
    with pytest.raises(ApiError, match="Nobody has lifted"):
        services.end_override(by=OLE, objective="o")


@pytest.mark.parametrize(
    ("reason", "hours"), [("", 1), ("  ", 1), ("x", 0), ("x", -1), ("x", 73), ("x", 1e9)]
)
def test_an_override_needs_a_reason_and_an_end(objective: Objective, reason: str, hours: float) -> None:
    with pytest.raises(ApiError):
        services.override_freeze(by=OLE, objective="o", reason=reason, hours=hours)


def test_the_objectives_are_read_and_lifted_over_http(objective: Objective) -> None:
    look(objective, bad_minutes=41, now=datetime.now(UTC))
    reader, ops, admin = caller("r", "infra:read"), caller("w", "infra:write"), caller("a", "admin")
    (item,) = [one for one in reader.get("/infra/slos").body["items"] if one["name"] == "o"]
    assert (item["policy"], item["may_deploy"], item["site"], item["target"]) == (
        "freeze", False, "alai.no", 99.9,
    )  # fmt: skip
    assert 0 < item["budget_left"] < 10
    assert item["burn"]["1h"] > 14.4
    assert reader.get("/infra/slos/gate?site=alai.no").body["allowed"] is False
    assert reader.get("/infra/slos/gate?site=nowhere.example").status == 404
    assert ops.post("/infra/slos/o/override", {"reason": "a fix", "hours": 2}).status == 403
    reply = admin.post("/infra/slos/o/override", {"reason": "a fix", "hours": 2})
    assert (reply.status, reply.body["override"]["reason"], reply.body["may_deploy"]) == (201, "a fix", True)
    assert admin.post("/infra/slos/o/override", {"reason": "a fix", "hours": 200}).status == 422
    assert admin.post("/infra/slos/none/override", {"reason": "a fix", "hours": 2}).status == 404
    assert reader.get("/infra/slos/gate?site=alai.no").body["allowed"] is True
