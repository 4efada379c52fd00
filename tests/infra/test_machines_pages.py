"""Hosts, models and jobs in the admin: the board tells of them in words, and the routing page takes somebody's word."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from alai.kernel.models import AuditEntry
from alai.kernel.principals import Principal
from infra import services
from infra.models import Host, Job, RoutingOverride
from infra.services.beats import Told, Vitals
from tests.admin.conftest import ada, vera
from tests.infra.test_heartbeats import listening_since, silent_for
from tests.infra.test_pings import ping
from tests.infra.test_routing import Company
from tests.infra.world import town

__all__ = ["ada", "vera"]
AGENT = Principal(actor="anvil-agent", scopes=frozenset({"infra:write"}), hosts=("anvil",))


@pytest.fixture
def company(db: None) -> Iterator[Company]:
    listening_since(timedelta(days=1))
    with ExitStack() as stack:
        yield Company(stack.enter_context(town()), stack.enter_context(town()))


def board(client: Client) -> str:
    return client.get(reverse("admin:infra_incident_board")).content.decode()


def routing(client: Client) -> str:
    return client.get(reverse("admin:infra_modeltier_routing")).content.decode()


def beat(**told: bool) -> None:
    services.record_beat(
        by=AGENT, host="anvil",
        vitals=Vitals([1.25], 61.5, 40, 86400 * 3, {"alai": "0.1.0"}, [Told(name, up) for name, up in told.items()]),
    )  # fmt: skip


def test_the_board_tells_of_hosts_models_and_jobs(company: Company, ada: Client) -> None:
    company.look()
    beat(lightrag=False)
    Job.objects.create(slug="nightly", name="Nightly export", period_seconds=60)
    page = board(ada)
    for words in (
        "load 1.25 · disk 61.5 % · memory 40 % · up for 3 days", "down: lightrag", "All 3 tiers are served as planned.",
        "1 job: 1 never ran.", "no beat yet",
    ):  # fmt: skip
        assert words in page
    silent_for("anvil", 300)
    company.kill("anvil")
    company.look()
    page = board(ada)
    assert ">silent<" in page
    assert "Of 3 tiers 1 waits, 1 is served elsewhere." in page


def test_the_board_takes_few_queries_however_many_hosts(
    company: Company, ada: Client, django_assert_max_num_queries: object
) -> None:
    beat(lightrag=True)
    for number in range(30):
        Host.objects.create(slug=f"h{number}", name=f"Host {number}", role="server", beats=True)
        Job.objects.create(slug=f"j{number}", name=f"Job {number}", period_seconds=60)
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        assert "Host 29" in board(ada)


def test_the_routing_page_says_where_each_tier_goes_and_why(company: Company, ada: Client) -> None:
    company.look()
    company.kill("anvil")
    company.look()
    page = routing(ada)
    assert "Of 3 tiers 1 waits, 1 is served elsewhere." in page
    assert "forge serves b (rule anvil-down)." in page
    assert page.count("Count as down") >= 2


def overrule(client: Client, **fields: object) -> str:
    answer = client.post(reverse("admin:infra_modeltier_override"), fields, follow=True)
    return str(answer.content.decode())


def test_a_word_is_taken_with_its_reason_and_taken_back(company: Company, ada: Client) -> None:
    company.look()
    page = overrule(ada, what="down", server="anvil", reason="moving the disk", minutes=240)
    assert "moving the disk" in page
    assert "Of 3 tiers 1 waits, 1 is served elsewhere." in page
    assert AuditEntry.objects.filter(
        target_type="infra_routingoverride", actor="ada", why="moving the disk"
    ).exists()
    overrule(ada, what="pin", tier="3", server="anvil", reason="a trial", minutes=60)
    assert RoutingOverride.objects.count() == 2
    overrule(ada, what="clear", server="anvil", reason="done")
    overrule(ada, what="clear", tier="3", reason="done")
    assert not RoutingOverride.objects.exists()


def test_a_word_without_a_reason_or_for_nothing_is_refused(company: Company, ada: Client) -> None:
    assert "Reason: This field is required." in overrule(ada, what="down", server="anvil", minutes=60)
    assert "There is no model server nowhere" in overrule(ada, what="down", server="nowhere", reason="x")
    assert "What: " in overrule(ada, what="explode", server="anvil", reason="x")
    assert not RoutingOverride.objects.exists()


def test_who_may_only_look_can_overrule_nothing(company: Company, vera: Client) -> None:
    assert "Count as down" not in routing(vera)
    assert vera.post(reverse("admin:infra_modeltier_override"), {"what": "down"}).status_code == 403


def test_a_hosts_page_shows_its_last_beat_and_services(company: Company, ada: Client) -> None:
    host = Host.objects.get(slug="anvil")
    address = reverse("admin:infra_host_change", args=[host.pk])
    assert "alai heartbeat --host anvil" in ada.get(address).content.decode()
    beat(lightrag=False)
    page = ada.get(address).content.decode()
    assert "alai 0.1.0" in page
    assert ">down<" in page
    assert ">alive<" in ada.get(reverse("admin:infra_host_changelist")).content.decode()


def test_a_jobs_page_shows_its_addresses_and_pings(company: Company, ada: Client) -> None:
    job = Job.objects.create(slug="nightly", name="Nightly export", cron="0 2 * * *", time_zone="Europe/Oslo")
    ping(f"{job.code}/start")
    ping(f"{job.code}/3", "POST", b"no <room> left")
    page = ada.get(reverse("admin:infra_job_change", args=[job.pk])).content.decode()
    for words in (f"/ping/{job.code}", "/ping/nightly", "no &lt;room&gt; left", "Failure 3", "exit status 3"):
        assert words in page
    assert ">down<" in ada.get(reverse("admin:infra_job_changelist")).content.decode()


def test_who_may_only_look_learns_no_secret_address(company: Company, vera: Client) -> None:
    job = Job.objects.create(slug="nightly", name="Nightly export", cron="0 2 * * *", time_zone="Europe/Oslo")
    page = vera.get(reverse("admin:infra_job_change", args=[job.pk])).content.decode()
    assert "How it stands" in page
    assert str(job.code) not in page
    found = vera.get(reverse("admin:infra_job_changelist"), {"code__startswith": "no such code"})
    assert [row.pk for row in found.context["cl"].result_list] == [job.pk], "the code narrows nothing"


def test_a_job_is_made_in_the_admin_and_a_bad_schedule_is_told(company: Company, ada: Client) -> None:
    form = {
        "slug": "export",
        "name": "Export",
        "cron": "0 2 * *",
        "time_zone": "",
        "grace_seconds": 600,
        "notes": "",
    }
    page = ada.post(reverse("admin:infra_job_add"), form).content.decode()
    assert "five fields" in page
    assert ada.post(reverse("admin:infra_job_add"), {**form, "cron": "0 2 * * *"}).status_code == 302
    assert services.tend_jobs() == 1
