"""The handbook's five acceptance cases of the classifier ("LLM Classifier Fix", verification)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from inbox import services
from inbox.models import Mail
from tests.inbox.conftest import Box
from tests.inbox.mails import eml
from tests.standins.llm import LlmStandIn

pytestmark = pytest.mark.django_db
WORTH = ("web shop", "partnership")  # what a sensible model finds revenue-relevant in these five


@pytest.fixture(autouse=True)
def sensible(model: LlmStandIn) -> LlmStandIn:
    model.decides(lambda prompt: "YES" if any(word in prompt for word in WORTH) else "NO")
    return model


def judged(box: Box, sender: str, subject: str, body: str) -> Mail:
    mail = box.judged(eml(sender=sender, subject=subject, body=body, message_id="<a@x.example>"))
    Mail.objects.filter(verdict="deferred").update(next_try_at=timezone.now() - timedelta(seconds=1))
    services.ask_waiting(seconds=10)
    mail.refresh_from_db()
    return mail


def test_continuous_integration_is_caught_before_the_model(box: Box, sensible: LlmStandIn) -> None:
    mail = judged(
        box, "GitHub <notifications@github.com>", "Run failed: CI - main", "The web shop build failed."
    )
    assert (mail.verdict, mail.action) == ("queue", "transactional_heuristic")
    assert sensible.asked == []


def test_a_newsletter_is_no(box: Box) -> None:
    mail = judged(
        box, "Ola <ola@magasin.example>", "Nytt fra oss i juni", "Sommeren er her. Les om fem nye trender."
    )
    assert (mail.verdict, mail.action) == ("queue", "llm_no")


def test_a_notice_of_the_accounting_system_is_no(box: Box) -> None:
    mail = judged(
        box,
        "Regnskap <hei@regnskap.example>",
        "Bilaget er registrert",
        "Bilag 4711 er registrert i regnskapet.",
    )
    assert (mail.verdict, mail.action) == ("queue", "llm_no")


def test_a_cold_lead_is_yes(box: Box) -> None:
    mail = judged(
        box, "Kari <kari@kunde.example>", "Offer?", "We need a web shop by August. What would it cost?"
    )
    assert (mail.verdict, mail.action, mail.priority) == ("task", "llm_yes", "high")


def test_somebody_who_offers_a_partnership_is_yes(box: Box) -> None:
    mail = judged(
        box, "Mia <mia@seo.example>", "SEO", "I would like to talk about a partnership on SEO automation."
    )
    assert (mail.verdict, mail.action) == ("task", "llm_yes")
