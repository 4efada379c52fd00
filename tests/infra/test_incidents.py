"""A failure becomes one incident, which climbs until somebody has it; nobody hears twice, or of nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from alai.kernel.errors import ApiError
from alai.kernel.models import AuditEntry, Notification
from alai.kernel.principals import Principal
from infra import services
from infra.models import AlertRule, Check, Edge, Host, Incident, MaintenanceWindow, Site
from missioncontrol.models import Task
from tests.infra.conftest import load_facts

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 5, 8, 12, tzinfo=UTC)
OLE = Principal(actor="ole", scopes=frozenset({"infra:write"}))


@pytest.fixture(autouse=True)
def loaded() -> None:
    load_facts()


def minutes(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


def check(slug: str = "alai.no", rule: str = "site-uptime", **fields: object) -> Check:
    return Check.objects.create(
        slug=f"http:{slug}", kind="http", settings={"url": f"https://{slug}/"},
        rule=AlertRule.objects.get(slug=rule) if rule else None, **fields,
    )  # fmt: skip


def edge(of: Check, after: str, at: datetime = T0, before: str = "up") -> Edge:
    made = Edge.objects.create(check_record=of, at=at, before=before, after=after, detail="503")
    services.deal_with_edges(now=at)
    return made


def told() -> list[tuple[str, str]]:
    return [(one.recipient, one.text.split("]")[0][1:]) for one in Notification.objects.order_by("id")]


def test_a_failure_opens_one_incident_and_a_task_at_once() -> None:
    one = check()
    edge(one, "down")
    services.deal_with_edges(now=minutes(1))
    incident = Incident.objects.get()
    assert (incident.title, incident.state, incident.severity) == ("http:alai.no is down", "open", "critical")
    assert Task.objects.get().pk == incident.task_id
    assert told() == []  # the board has it; people are told when it lasts


def test_people_hear_when_it_lasts_and_it_climbs_level_by_level() -> None:
    edge(check(), "down")
    assert services.escalate(now=minutes(4.9)) == 0
    assert services.escalate(now=minutes(5)) == 1
    assert services.escalate(now=minutes(5)) == 0
    assert services.escalate(now=minutes(20)) == 1
    assert services.escalate(now=minutes(35)) == 1
    assert services.escalate(now=minutes(90)) == 0
    assert told() == [("infra-alerts", "L1 CRITICAL"), ("default", "L2 CRITICAL"), ("default", "L3 CRITICAL")]


def test_a_short_failure_disturbs_nobody() -> None:
    one = check()
    edge(one, "down")
    edge(one, "up", minutes(3), before="down")
    services.escalate(now=minutes(10))
    assert told() == []
    assert Incident.objects.get().state == "resolved"


def test_who_heard_of_it_hears_that_it_is_over() -> None:
    one = check()
    edge(one, "down")
    services.escalate(now=minutes(6))
    edge(one, "up", minutes(8), before="down")
    assert told() == [("infra-alerts", "L1 CRITICAL"), ("infra-alerts", "RESOLVED")]


def test_acknowledged_it_climbs_no_further() -> None:
    edge(check(), "down")
    services.escalate(now=minutes(6))
    incident = services.acknowledge(by=OLE, incident_id=Incident.objects.get().pk, note="looking")
    services.acknowledge(by=OLE, incident_id=incident.pk)
    services.escalate(now=minutes(60))
    assert len(told()) == 1
    kinds = list(incident.entries.values_list("kind", "by"))
    assert kinds == [("opened", ""), ("told", ""), ("acknowledged", "ole")]
    assert AuditEntry.objects.filter(target_type="infra_incident", actor="ole", why="looking").exists()


def test_no_push_for_less_than_two_minutes_whatever_the_rule_says() -> None:
    edge(check("x.example.com", rule="build-failure"), "down")
    assert services.escalate(now=minutes(1.9)) == 0
    assert services.escalate(now=minutes(2)) == 1


def test_trouble_that_comes_back_soon_is_the_same_incident_and_told_no_second_time() -> None:
    one = check()
    edge(one, "down")
    services.escalate(now=minutes(6))
    for again in range(3):
        edge(one, "up", minutes(8 + 4 * again), before="down")
        edge(one, "down", minutes(10 + 4 * again))
    services.escalate(now=minutes(19))
    incident = Incident.objects.get()
    assert (incident.reopened, incident.state) == (3, "open")
    assert [level for _, level in told() if level.startswith("L1")] == ["L1 CRITICAL"]


def test_after_a_quiet_time_it_is_a_new_incident() -> None:
    one = check()
    edge(one, "down")
    edge(one, "up", minutes(8), before="down")
    edge(one, "down", minutes(30))
    assert Incident.objects.count() == 2


def test_what_depends_on_something_dead_is_part_of_its_incident() -> None:
    host = Host.objects.get(slug="azure-vm")
    root = Check.objects.create(
        slug="tcp:azure-vm", kind="tcp", settings={"host": "192.0.2.1", "port": 22}, host=host,
        rule=AlertRule.objects.get(slug="ServiceDown"),
    )  # fmt: skip
    edge(root, "down")
    for number in range(13):
        leaf = check(f"s{number}.example.com")
        leaf.depends_on.add(root)
        edge(leaf, "down", minutes(0.5))
    services.escalate(now=minutes(10))
    assert told() == [("default", "L1 CRITICAL")]
    assert Incident.objects.filter(part_of__isnull=False).count() == 13
    edge(root, "up", minutes(12), before="down")
    assert Incident.objects.filter(part_of=None, state="open").count() == 13


def test_what_was_found_before_its_cause_is_part_of_it_all_the_same() -> None:
    """Both fail in one moment, and the looks come in any order."""
    root, middle, leaf = check("root"), check("middle"), check("leaf")
    middle.depends_on.add(root)
    leaf.depends_on.add(middle)
    for one, at in ((leaf, 0.0), (root, 0.1), (middle, 0.2)):
        edge(one, "down", minutes(at))
    whole = Incident.objects.get(check_record=root)
    assert set(Incident.objects.filter(part_of=whole).values_list("check_record__slug", flat=True)) == {
        "http:middle", "http:leaf",
    }  # fmt: skip
    services.escalate(now=minutes(10))
    assert told() == [("infra-alerts", "L1 CRITICAL")]
    assert set(Incident.objects.exclude(pk=whole.pk).values_list("next_step_at", "next_update_at")) == {
        (None, None)
    }


def test_what_people_heard_of_before_its_cause_was_found_stands_for_itself() -> None:
    root, leaf = check("root"), check("leaf")
    leaf.depends_on.add(root)
    edge(leaf, "down")
    services.escalate(now=minutes(6))
    edge(root, "down", minutes(7))
    assert not Incident.objects.exclude(part_of=None).exists()


def test_what_comes_back_with_its_cause_is_part_of_it_again() -> None:
    root, leaf = check("root"), check("leaf")
    leaf.depends_on.add(root)
    for first, second in ((root, leaf), (leaf, root)):
        edge(first, "down", minutes(0))
        edge(second, "down", minutes(0.1))
        edge(first, "up", minutes(1), before="down")
        edge(second, "up", minutes(1.1), before="down")
    edge(leaf, "down", minutes(3))
    edge(root, "down", minutes(3.1))
    services.escalate(now=minutes(20))
    assert (Incident.objects.count(), told()) == (2, [("infra-alerts", "L1 CRITICAL")])
    assert Incident.objects.get(check_record=leaf).part_of == Incident.objects.get(check_record=root)


def test_two_that_depend_on_each_other_are_one_message() -> None:
    one, other = check("one"), check("other")
    one.depends_on.add(other)
    other.depends_on.add(one)
    edge(one, "down")
    edge(other, "down", minutes(0.1))
    edge(one, "up", minutes(1), before="down")
    edge(one, "down", minutes(2))
    services.escalate(now=minutes(20))
    assert [text for _, text in told()] == ["L1 CRITICAL"]


def test_in_maintenance_the_board_shows_it_and_nobody_hears() -> None:
    site = Site.objects.get(slug="alai.no")
    window = MaintenanceWindow.objects.create(
        slug="w", starts_at=minutes(-5), ends_at=minutes(60), reason="moving"
    )
    window.sites.add(site)
    edge(check(site=site), "down")
    services.escalate(now=minutes(30))
    assert Incident.objects.count() == 1
    assert told() == []


def test_without_a_rule_the_board_alone_shows_it() -> None:
    edge(check(rule=""), "down")
    services.escalate(now=minutes(30))
    assert (Incident.objects.count(), told()) == (1, [])


def test_a_stalled_escalation_is_revived() -> None:
    edge(check(), "down")
    Incident.objects.update(next_step_at=None)
    assert services.escalate(now=minutes(30)) == 0
    assert services.revive_stalled(now=minutes(30)) == 1
    assert services.escalate(now=minutes(30)) == 1


def test_a_later_edit_of_the_policy_changes_no_incident_under_way() -> None:
    one = check()
    edge(one, "down")
    policy = AlertRule.objects.get(slug="site-uptime").policy
    assert policy is not None
    policy.steps = []
    policy.save()
    assert services.escalate(now=minutes(6)) == 1


def test_a_person_resolves_assigns_and_notes() -> None:
    edge(check(), "down")
    pk = Incident.objects.get().pk
    services.assign(by=OLE, incident_id=pk, to="ole")
    services.note(by=OLE, incident_id=pk, text="DNS looks fine")
    services.resolve(by=OLE, incident_id=pk, note="a false alarm")
    incident = Incident.objects.get()
    assert (incident.state, incident.resolved_by, incident.assigned_to) == ("resolved", "ole", "ole")
    with pytest.raises(ApiError, match="is resolved"):
        services.acknowledge(by=OLE, incident_id=pk)
    with pytest.raises(ApiError, match="no incident 999"):
        services.note(by=OLE, incident_id=999, text="x")


def test_a_channel_whose_person_the_environment_names_is_told_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLACK_ON_CALL_USER", "U123")
    edge(check(), "down")
    services.escalate(now=minutes(5))
    services.escalate(now=minutes(20))
    assert told()[1] == ("user:U123", "L2 CRITICAL")
