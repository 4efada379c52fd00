"""Pings as Healthchecks' clients send them: what each means, what it leaves, and what becomes of silence."""

import threading
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, Notification
from infra import records, registry, selectors_jobs, services
from infra.models import AlertRule, Check, CheckState, Host, Incident, Job, JobState, Ping
from tests.cast import Caller
from tests.infra.conftest import Folder, caller
from tests.infra.small import settle

pytestmark = pytest.mark.django_db
RID = "6cd21b1a-2e5c-4b5c-9f3c-8f0a4a0a1b11"
OTHER = "0b0c7d4e-95a8-4d4e-8f5a-22b0a3b7a002"


@pytest.fixture(autouse=True)
def loaded() -> None:
    settle()
    now = records.clock()
    cache.set(records.AWAKE, (now - timedelta(days=30), now), timeout=3600)


@pytest.fixture
def job() -> Job:
    return Job.objects.create(
        slug="nightly-backup", name="Backup", period_seconds=3600, grace_seconds=600,
        rule=AlertRule.objects.get(slug="BackupFailed"),
    )  # fmt: skip


def ping(path: object, method: str = "GET", body: str | bytes = b"", **headers: str) -> Any:
    return Client().generic(method, f"/ping/{path}", body, content_type="text/plain", headers=headers)


def status(job: Job) -> str:
    return selectors_jobs.standing_of(selectors_jobs.jobs().get(pk=job.pk)).status


def ago(job: Job, **moved: float) -> None:
    """So many seconds ago by the database's clock: `last_at=30`."""
    now = records.clock()
    JobState.objects.filter(job=job).update(
        **{name: now - timedelta(seconds=by) for name, by in moved.items()}
    )


def look() -> None:
    services.tend_jobs()
    services.ensure_states()
    CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1), claimed_until=None)
    services.look_round()
    services.deal_with_edges()


def test_it_answers_ok_by_its_secret_address_and_by_its_name(job: Job) -> None:
    assert status(job) == "new"
    for path in (job.code, str(job.code).upper(), f"{job.code}/", "nightly-backup"):
        answer = ping(path)
        assert (answer.status_code, answer.content, answer["Ping-Body-Limit"]) == (200, b"OK", "10000")
    assert status(job) == "up"
    assert JobState.objects.get().pings == 4


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_three_methods_ping_and_others_do_not(job: Job, method: str) -> None:
    assert ping(job.code, method).status_code == 200
    assert Ping.objects.get().method == method
    assert ping(job.code, "PUT").status_code == 405
    assert Ping.objects.count() == 1


@pytest.mark.parametrize(
    "path", [uuid.UUID(int=7), "no-such-job", f"{uuid.UUID(int=7)}/start", "a%00b", "%ff%fe", "x/nonsense"]
)
def test_what_is_not_there_is_told_in_two_words(path: object) -> None:
    answer = ping(path)
    assert (answer.status_code, answer.content) == (404, b"not found")
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("action", "kind", "after"),
    [("start", "start", "new"), ("fail", "fail", "down"), ("0", "success", "up"), ("1", "fail", "down"),
     ("255", "fail", "down"), ("log", "log", "new")],
)  # fmt: skip
def test_an_action_means_what_it_means_at_healthchecks(job: Job, action: str, kind: str, after: str) -> None:
    assert ping(f"{job.code}/{action}").status_code == 200
    found = Ping.objects.get()
    assert (found.kind, found.exit_status) == (kind, int(action) if action.isdigit() else None)
    assert status(job) == after


def test_what_is_malformed_is_400_and_leaves_nothing(job: Job) -> None:
    assert ping(f"{job.code}/256").content == b"invalid url format"
    assert ping(f"{job.code}?rid=1").content == b"invalid uuid format"
    assert {ping(f"{job.code}/256").status_code, ping(f"{job.code}?rid=x").status_code} == {400}
    assert not Ping.objects.exists()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["nightly-backup", "nowhere"]) | st.text(min_size=1, max_size=120),
    action=st.sampled_from(["", "/start", "/fail", "/0", "/255", "/256", "/99999999999", "/٣"])
    | st.text(max_size=20),
    rid=st.none() | st.text(max_size=40) | st.uuids().map(str),
    body=st.binary(max_size=200),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
)
def test_no_request_is_an_error_of_ours(
    job: Job, name: str, action: str, rid: str | None, body: bytes, method: str
) -> None:
    query = f"?rid={quote(rid, safe='', errors='replace')}" if rid is not None else ""
    answer = ping(f"{quote(name, errors='replace')}{quote(action, errors='replace')}{query}", method, body)
    assert answer.status_code in (200, 400, 404)


def test_a_run_takes_as_long_as_from_its_own_start(job: Job) -> None:
    ping(f"{job.code}/start?rid={RID}")
    ping(f"{job.code}/start?rid={OTHER}")
    Ping.objects.filter(rid=RID).update(at=records.clock() - timedelta(seconds=100))
    Ping.objects.filter(rid=OTHER).update(at=records.clock() - timedelta(seconds=20))
    ping(f"{job.code}?rid={RID}")
    assert JobState.objects.get().last_duration == pytest.approx(100, abs=5)
    assert JobState.objects.get().last_start_at is not None  # the other one goes on
    ping(f"{job.code}/0?rid={OTHER}")
    state = JobState.objects.get()
    assert state.last_duration == pytest.approx(20, abs=5)
    assert state.last_start_at is None


def test_without_a_rid_the_last_start_counts(job: Job) -> None:
    ping(f"{job.code}/start")
    ago(job, last_start_at=50)
    ping(job.code)
    assert Ping.objects.latest("id").duration == pytest.approx(50, abs=5)
    ping(job.code)
    assert Ping.objects.latest("id").duration is None


def test_a_failure_ends_whatever_ran(job: Job) -> None:
    ping(f"{job.code}/start?rid={RID}")
    ping(f"{job.code}/fail")
    assert JobState.objects.get().last_start_at is None


def test_a_body_is_kept_masked_and_cut(job: Job) -> None:
    token = "xoxb-" + "123456789012"
    ping(job.code, "POST", f"done\0 password=hunter2 {token} ø".encode() + b"\xff" + b"x" * 20_000)
    body = Ping.objects.get().body
    assert body.startswith("done")
    assert "hunter2" not in body
    assert token not in body
    assert len(body) <= 10_100
    assert ping(job.code, "POST", b"").status_code == 200


def test_a_ping_is_one_statement(job: Job) -> None:
    ping(job.code)
    with CaptureQueriesContext(connection) as captured:
        assert ping(job.code).status_code == 200
    assert [one["sql"][:60] for one in captured] == []  # beneath Django's cursor, and nothing beside it
    assert JobState.objects.get().pings == 2


@pytest.mark.django_db(transaction=True)
def test_pings_at_once_are_all_counted() -> None:
    job = Job.objects.create(slug="often", name="Often", period_seconds=60)

    def many() -> None:
        for _ in range(10):
            ping(job.code)
        connection.close()

    threads = [threading.Thread(target=many) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (JobState.objects.get(job=job).pings, Ping.objects.filter(job=job).count()) == (60, 60)


def test_a_guarded_job_is_pinged_by_name_with_a_token_alone(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(guarded=True, host=Host.objects.get(slug="anvil"))
    refused = ping("nightly-backup")
    assert (refused.status_code, b"Bearer" in refused.content) == (401, True)

    def token(**limits: list[str]) -> str:
        actor, _ = Actor.objects.get_or_create(name="cron", defaults={"kind": "agent"})
        return issue_token(actor=actor, scopes=["infra:write"], **limits)[1]  # type: ignore[arg-type]

    assert ping("nightly-backup", Authorization=f"Bearer {token(hosts=['forge'])}").status_code == 401
    assert (
        ping("nightly-backup", Authorization=f"Bearer {caller('r', 'infra:read').token}").status_code == 401
    )
    assert ping("nightly-backup", Authorization="Bearer nonsense").status_code == 401
    assert not Ping.objects.exists()
    assert ping("nightly-backup", Authorization=f"Bearer {token(hosts=['anvil'])}").status_code == 200
    assert ping("nightly-backup", Authorization=f"Bearer {token()}").status_code == 200
    assert ping(job.code).status_code == 200


def test_a_job_that_does_not_ping_is_an_incident_and_its_next_ping_ends_it(job: Job) -> None:
    look()
    assert not Incident.objects.exists()
    ping(job.code)
    look()
    CheckState.objects.update(since=records.clock() - timedelta(days=1))
    ago(job, last_at=3700)
    look()
    assert (status(job), Incident.objects.count()) == ("late", 0)
    ago(job, last_at=4300)
    look()
    incident = Incident.objects.get()
    assert (incident.title, incident.severity) == ("job:nightly-backup is down", "critical")
    assert "Late by" in incident.detail
    services.escalate(now=timezone.now() + timedelta(minutes=2))
    assert Notification.objects.count() == 1
    ping(job.code)
    look()
    incident.refresh_from_db()
    assert incident.state == "resolved"


def test_a_run_that_never_ends_is_an_incident_too(job: Job) -> None:
    ping(job.code)
    ping(f"{job.code}/start")
    look()
    CheckState.objects.update(since=records.clock() - timedelta(days=1))
    ago(job, last_start_at=700)
    look()
    assert "has not ended" in Incident.objects.get().detail


def test_each_job_has_a_check_that_follows_it_and_goes_with_it(job: Job) -> None:
    assert (services.tend_jobs(), services.tend_jobs()) == (1, 0)
    check = Check.objects.get()
    assert (check.slug, check.kind, check.rule) == ("job:nightly-backup", "job", job.rule)
    Job.objects.update(rule=AlertRule.objects.get(slug="ServiceDown"), host=Host.objects.get(slug="forge"))
    services.tend_jobs()
    check.refresh_from_db()
    assert (str(check.rule), str(check.host)) == ("ServiceDown", "forge")
    job.delete()
    assert (services.tend_jobs(), Check.objects.count()) == (1, 0)


def test_the_newest_pings_of_each_job_are_kept(job: Job) -> None:
    other = Job.objects.create(slug="other", name="Other", period_seconds=60)
    for number in range(5):
        ping(job.code, "POST", f"run {number}")
    ping(other.code)
    assert services.trim_pings(kept=3) == 2
    assert list(Ping.objects.filter(job=job).order_by("at").values_list("body", flat=True)) == [
        "run 2", "run 3", "run 4",
    ]  # fmt: skip
    assert (services.trim_pings(kept=3), Ping.objects.filter(job=other).count()) == (0, 1)


def test_jobs_are_listed_and_only_writers_see_the_secret_address(job: Job) -> None:
    ping(f"{job.code}/3")
    reader: Caller = caller("reader", "infra:read")
    found = reader.get("/infra/jobs").body["items"][0]
    assert (found["name"], found["status"], found["pings"], found["ping_path"]) == (
        "nightly-backup",
        "down",
        1,
        None,
    )
    assert (
        caller("ops", "infra:write").get("/infra/jobs").body["items"][0]["ping_path"] == f"/ping/{job.code}"
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("name: A\n", "either period_seconds or cron"),
        ('name: A\n  cron: "0 2 * * 0"\n  period_seconds: 60\n', "either"),
        ('name: A\n  cron: "0 2 * *"\n', "five fields"), ("name: A\n  period_seconds: 5\n", "30"),
        ('name: A\n  cron: "0 2 * * 0"\n  time_zone: Europe/Olso\n', "no time zone"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_job_is_told_with_its_line(folder: Folder, fields: str, sentence: str) -> None:
    folder.write("jobs.yaml", f"backup:\n  {fields}")
    with pytest.raises(registry.RegistryError, match=sentence):
        registry.load(folder.path)


def test_the_secret_address_is_in_no_file(folder: Folder, job: Job) -> None:
    folder.write("jobs.yaml", "backup:\n  name: Backup\n  period_seconds: 60\n")
    registry.load(folder.path)
    registry.export(folder.path)
    text = (folder.path / "jobs.yaml").read_text()
    assert "code" not in text
    assert "nightly-backup" in text
