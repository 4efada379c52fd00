"""Paperless lends acquaintance, remembered; when it is away nobody waits for it."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from inbox import services
from inbox.access import SYSTEM
from inbox.models import Mail, Sender
from inbox.paperless import own_label
from tests.inbox.conftest import Box
from tests.inbox.mails import AUTHSERV, authenticated, eml
from tests.standins.paperless import TOKEN, PaperlessStandIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(settings: Settings) -> Iterator[PaperlessStandIn]:
    with PaperlessStandIn("Byggmester AS", "Kari Nordmann", "Gmail AS") as standin:
        settings.PAPERLESS_URL, settings.PAPERLESS_TOKEN = standin.url, TOKEN
        settings.PAPERLESS_SECONDS = 60  # a busy machine is no reason to fail
        yield standin


def from_(sender: str, number: int = 1) -> bytes:
    domain = sender.rpartition("@")[2].rstrip(">")
    return authenticated(
        f"{AUTHSERV}; dmarc=pass header.from={domain}",
        sender=sender,
        message_id=f"<{number}@{domain}>",
        body=f"{number}",
    )


def action(box: Box, raw: bytes) -> str:
    return str(box.judged(raw).action)


def test_a_correspondent_is_known_by_its_domain_or_full_name(box: Box, archive: PaperlessStandIn) -> None:
    assert action(box, from_("Ola <ola@byggmester.no>")) == "linked"
    assert action(box, from_("Kari Nordmann <kn@gmail.com>")) == "linked"
    assert (
        action(box, from_("Per <per@gmail.com>")) == "llm_deferred"
    )  # the provider is nobody's correspondent
    assert action(box, from_("Kari Nordmann-Hansen <kn@elsewhere.no>")) == "llm_deferred"
    assert Sender.objects.get(address="ola@byggmester.no").paperless_name == "Byggmester AS"


def test_a_correspondent_must_be_authenticated(box: Box, archive: PaperlessStandIn) -> None:
    assert action(box, eml(sender="Ola <ola@byggmester.no>")) == "llm_deferred"


def test_it_is_asked_once_in_a_while(box: Box, archive: PaperlessStandIn, settings: Settings) -> None:
    settings.PAPERLESS_ACCESS_ID, settings.PAPERLESS_ACCESS_SECRET = "id", "secret"
    for number in range(3):
        box.judged(from_("Ola <ola@byggmester.no>", number))
    [(wanted, headers)] = archive.asked
    assert wanted == "byggmester"
    assert headers["cf-access-client-id"] == "id"


def test_when_it_is_away_mail_is_judged_without_it(box: Box, archive: PaperlessStandIn) -> None:
    archive.down = True
    for number in range(6):
        assert action(box, from_("Ola <ola@byggmester.no>", number)) == "llm_deferred"
    assert len(archive.asked) == 3  # then it is left alone
    assert not Sender.objects.exclude(paperless_checked_at=None).exists()


def test_a_posted_mail_does_not_wait_for_it(archive: PaperlessStandIn) -> None:
    services.take_in(by=SYSTEM, address="post@company.example", raw=eml(sender="Ola <ola@byggmester.no>"))
    assert archive.asked == []
    assert Mail.objects.get().verdict == "deferred"


@pytest.mark.parametrize(
    ("domain", "label"),
    [("acme.no", "acme"), ("mail.acme.no", "acme"), ("acme.co.uk", "acme"), ("no", ""), ("", "")],
)
def test_the_label_that_is_the_domains_own(domain: str, label: str) -> None:
    assert own_label(domain) == label
