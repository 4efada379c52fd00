"""Asking the LLM: strict answers, one retry, and a third state when there is no usable answer."""

import json
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from alai.kernel.models import AuditEntry, Notification
from inbox import services
from inbox.access import SYSTEM
from inbox.models import LlmCall, Mail
from missioncontrol.models import Task
from tests.inbox.conftest import Box
from tests.inbox.mails import eml
from tests.standins.llm import LlmStandIn, Reply, failing, garbage, hangs_up, null, says, slow

pytestmark = pytest.mark.django_db
LEAD = {"sender": "Kari Nordmann <kari@kunde.example>", "subject": "Offer for a web shop"}


def ask(mail: Mail) -> Mail:
    """Let the time come, and ask."""
    Mail.objects.filter(pk=mail.pk).update(next_try_at=timezone.now() - timedelta(seconds=1))
    services.ask_waiting(seconds=10)
    mail.refresh_from_db()
    return mail


def test_a_yes_becomes_a_task_and_a_push(box: Box, model: LlmStandIn) -> None:
    model.answers("YES")
    mail = box.judged(eml(**LEAD))
    assert (mail.verdict, mail.action) == ("deferred", "llm_deferred")
    mail = ask(mail)
    assert (mail.verdict, mail.action, mail.priority) == ("task", "llm_yes", "high")
    assert Task.objects.count() == Notification.objects.count() == 1
    assert Notification.objects.get().text.startswith("[NEW LEAD] Kari Nordmann emailed ")


def test_a_no_disturbs_nobody(box: Box, model: LlmStandIn) -> None:
    mail = ask(box.judged(eml(**LEAD)))
    assert (mail.verdict, mail.action, mail.classification) == ("queue", "llm_no", "INFO")
    assert not Task.objects.exists() and not Notification.objects.exists()


def test_it_is_asked_as_the_handbook_says(box: Box, model: LlmStandIn) -> None:
    model.next(says("Well, I think YES."))
    ask(box.judged(eml(**LEAD)))
    first, second = model.asked
    assert (first["temperature"], second["temperature"]) == (0.3, 0.1)
    assert first["max_tokens"] == 32
    assert first["model"] == "mlx-community/Qwen2.5-Coder-32B-Instruct-4bit"
    assert "revenue-relevant" in str(first["messages"])
    assert "tools" not in first


@pytest.mark.parametrize(
    ("replies", "outcomes"),
    [
        ([null()], ["empty"]),
        ([garbage()], ["unreadable"]),
        ([failing(500)], ["http_500"]),
        ([failing(404)], ["http_404"]),
        ([hangs_up()], ["unreachable"]),
        ([slow(5)], ["timeout"]),
        ([says("Perhaps"), says("YES and NO")], ["malformed", "malformed"]),
        ([says("yes")] * 2, ["malformed", "malformed"]),
        ([Reply(b'{"choices": []}')] * 2, ["malformed", "malformed"]),
        ([says("Perhaps"), says(" NO\n")], ["malformed", "no"]),
    ],
)
def test_no_usable_answer_is_neither_yes_nor_no(
    box: Box, model: LlmStandIn, settings: Settings, replies: list[Reply], outcomes: list[str]
) -> None:
    settings.INBOX_LLM_SECONDS = 0.5 if outcomes == ["timeout"] else 60
    model.next(*replies)
    mail = ask(box.judged(eml(**LEAD)))
    calls = list(LlmCall.objects.order_by("id").values_list("outcome", flat=True))
    assert calls == outcomes
    assert mail.verdict == ("queue" if outcomes[-1] == "no" else "deferred")
    assert not Task.objects.exists()
    if mail.verdict == "deferred":
        assert mail.next_try_at is not None and mail.next_try_at > timezone.now()
        model.answers("YES")
        assert ask(mail).action == "llm_yes"


def test_cost_and_latency_are_recorded_and_the_question_is_not(
    box: Box, model: LlmStandIn, settings: Settings
) -> None:
    settings.INBOX_LLM = {**settings.INBOX_LLM, "prompt_price": "0.5", "completion_price": "2"}
    ask(box.judged(eml(**LEAD, body="Quite a pomegranate")))
    call = LlmCall.objects.get()
    assert (call.prompt_tokens, call.completion_tokens) == (120, 1)
    assert float(call.cost_usd) == pytest.approx(0.062)
    assert call.latency_ms >= 0
    assert "pomegranate" not in str(list(LlmCall.objects.values())) + str(list(AuditEntry.objects.values()))


def test_after_failures_it_is_left_alone_for_a_while(box: Box, model: LlmStandIn, settings: Settings) -> None:
    settings.INBOX_LLM_BREAKER_FAILURES = 2
    settings.INBOX_LLM_BREAKER_SECONDS = 5
    model.next(failing(), failing())
    mails = [box.judged(eml(**LEAD, message_id=f"<{n}@kunde.example>", body=f"{n}")) for n in range(5)]
    for mail in mails:
        ask(mail)
    assert len(model.asked) == 2
    assert set(Mail.objects.values_list("verdict", flat=True)) == {"deferred"}
    attempts = Mail.objects.order_by("id").values_list("llm_attempts", flat=True)
    assert set(attempts[2:]) == {0}  # those were no tries
    time.sleep(5)
    assert [ask(mail).action for mail in mails] == ["llm_no"] * 5


def test_a_run_ends_when_nobody_can_be_asked(box: Box, model: LlmStandIn, settings: Settings) -> None:
    settings.INBOX_LLM_BREAKER_FAILURES = 1
    model.next(failing())
    for number in range(5):
        box.judged(eml(**LEAD, message_id=f"<{number}@kunde.example>", body=f"{number}"))
    assert services.ask_waiting(seconds=10) == 0
    assert len(model.asked) == 1
    assert Mail.objects.filter(next_try_at__gt=timezone.now()).count() == 2  # the other three are not touched


def test_without_permission_no_model_sees_the_mail(box: Box, model: LlmStandIn) -> None:
    box.account.llm = "none"
    box.account.save()
    assert ask(box.judged(eml(**LEAD))).verdict == "deferred"
    assert model.asked == []


def test_the_cloud_is_asked_only_where_it_is_allowed(box: Box, model: LlmStandIn, settings: Settings) -> None:
    with LlmStandIn() as cloud:
        cloud.answers("YES")
        settings.INBOX_LLM_CLOUD = {**settings.INBOX_LLM_CLOUD, "url": cloud.url, "model": "big"}
        model.next(failing(), failing())
        mail = ask(box.judged(eml(**LEAD)))
        assert mail.verdict == "deferred" and cloud.asked == []
        box.account.llm = "cloud"
        box.account.save()
        assert ask(mail).action == "llm_yes"
        assert len(cloud.asked) == 1


def test_one_sender_gets_so_many_pushes_a_day_by_the_llms_yes(
    box: Box, model: LlmStandIn, settings: Settings
) -> None:
    model.answers("YES")
    for number in range(5):
        ask(box.judged(eml(**LEAD, message_id=f"<{number}@kunde.example>", body=f"Offer {number}")))
    assert Task.objects.count() == 5
    assert Notification.objects.count() == settings.INBOX_LLM_PUSHES_PER_SENDER == 3
    Mail.objects.update(push_due_at=F("push_due_at") - timedelta(days=1))
    ask(box.judged(eml(**LEAD, message_id="<6@kunde.example>", body="Offer 6")))
    assert Notification.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_posted_mail_wakes_a_worker_for_what_is_left() -> None:
    with Redis.from_url(settings.BROKER_URL) as broker:
        broker.delete(settings.MAIL_QUEUE)
        services.take_in(by=SYSTEM, address="post@company.example", raw=eml(**LEAD))
        services.take_in(by=SYSTEM, address="post@company.example", raw=eml(**LEAD))
        jobs = broker.lrange(settings.MAIL_QUEUE, 0, -1)
        broker.delete(settings.MAIL_QUEUE)
    assert [json.loads(job)["headers"]["task"] for job in jobs] == ["inbox.tasks.ask_llm"]
