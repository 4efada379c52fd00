"""The inbox in the admin: lists that say what waits, a page that answers what it is, buttons that call services."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from inbox import services
from inbox.access import SYSTEM
from inbox.admin import messages
from inbox.models import Decision, Feedback, Mail, Message, Partner, Sender
from missioncontrol.models import Task
from tests.admin.conftest import ada, signed_in, vera
from tests.inbox.conftest import Box
from tests.inbox.mails import PHISH, authenticated, eml

__all__ = ["ada", "vera"]
LIST = "/admin/inbox/message/"


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    cache.delete("inbox:counts")


def message_of(mail: Mail) -> Message:
    return mail.messages.get()


def page_of(client: Client, mail: Mail) -> str:
    return client.get(f"{LIST}{message_of(mail).pk}/change/").content.decode()


def act(client: Client, mail: Mail, verb: str, **data: str) -> str:
    address = reverse("admin:inbox_message_act", args=[message_of(mail).pk, verb])
    return client.post(address, data, follow=True).content.decode()


def test_the_list_shows_first_what_needs_an_answer(box: Box, ada: Client) -> None:
    services.add_partner(
        by=SYSTEM, address="mia@partner.example", domain="", name="Mia", tier=1, reason="tender"
    )
    box.judged(authenticated())
    box.judged(PHISH)
    page = ada.get(LIST).content.decode()
    assert "Tender for a web shop" in page
    assert "Tier 1" in page
    assert "PayPal" not in page
    assert "PayPal" in ada.get(f"{LIST}?status=quarantine").content.decode()


def test_a_search_looks_everywhere(box: Box, ada: Client) -> None:
    box.judged(PHISH)
    assert "PayPal" in ada.get(f"{LIST}?q=suspended").content.decode()


@pytest.mark.parametrize(
    "query", ["status=all", "status=nonsense", "classification=ACTION", "partner=yes", "partner=no", "age=24",
              "account=post@company.example", "q=%00", "q=%22unbalanced", "status=all&partner=yes", "o=1.-6"],
)  # fmt: skip
def test_no_filter_fails(query: str, box: Box, ada: Client) -> None:
    box.judged(PHISH)
    assert ada.get(f"{LIST}?{query}").status_code in (200, 302)


def test_the_page_says_what_it_is_and_why(box: Box, ada: Client) -> None:
    page = page_of(ada, box.judged(PHISH))
    assert "The security scan kept it away" in page
    assert "How it was decided" in page
    assert "Release" in page


def test_release_lets_it_out_and_remembers_the_sender(box: Box, ada: Client) -> None:
    mail = box.judged(PHISH)
    assert "out of quarantine" in act(ada, mail, "release", note="a test of ours")
    mail.refresh_from_db()
    assert mail.verdict != "quarantine"
    assert Sender.objects.get(address="service.alert@random-host.tk").released_by == "ada"
    assert Feedback.objects.get(mail=mail).note == "a test of ours"


def test_promote_makes_a_task_that_the_page_links(box: Box, ada: Client) -> None:
    mail = box.judged(eml())
    act(ada, mail, "promote")
    task = Task.objects.get()
    assert f"#{task.pk}" in page_of(ada, mail)


def test_a_sender_becomes_a_partner_or_never_writes_again(box: Box, ada: Client) -> None:
    mail = box.judged(eml())
    act(ada, mail, "partner", name="Mia", tier="2", everywhere="on", note="tender")
    assert Partner.objects.get().tier == 2
    act(ada, mail, "never_again")
    assert Sender.objects.get(address="mia@partner.example").blocked_by == "ada"
    sender = Sender.objects.get(address="mia@partner.example")
    ada.post("/admin/inbox/sender/", {"action": "forgive", "_selected_action": [sender.pk]})
    sender.refresh_from_db()
    assert sender.blocked_at is None


def test_reclassifying_and_answering_leave_a_decision_by_the_person(box: Box, ada: Client) -> None:
    mail = box.judged(eml())
    act(ada, mail, "reclassify", classification="ACTION")
    act(ada, mail, "answered")
    mail.refresh_from_db()
    assert (mail.classification, mail.answered_by) == ("ACTION", "ada")
    assert Decision.objects.filter(mail=mail, by="ada").exists()


def test_a_refusal_is_told_on_the_page(box: Box, ada: Client) -> None:
    assert "is not in quarantine" in act(ada, box.judged(eml()), "release")


def test_bad_input_is_told(box: Box, ada: Client) -> None:
    mail = box.judged(eml())
    assert "Tier:" in act(ada, mail, "partner", tier="99")
    assert ada.post(f"{LIST}{message_of(mail).pk}/act/dance/").status_code == 404
    assert ada.get(f"{LIST}999999/body/").status_code == 404


def test_a_verb_wants_a_post(box: Box, ada: Client) -> None:
    message = message_of(box.judged(eml()))
    assert ada.get(f"{LIST}{message.pk}/act/release/").status_code == 405


def test_who_may_only_look_can_do_nothing(box: Box, vera: Client) -> None:
    mail = box.judged(PHISH)
    assert "Release" not in page_of(vera, mail)
    address = reverse("admin:inbox_message_act", args=[message_of(mail).pk, "release"])
    assert vera.post(address).status_code == 403


def test_who_may_see_no_mail_sees_none(box: Box) -> None:
    mail = box.judged(PHISH)
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    client = signed_in(user)
    for page in ("change", "body", "raw"):
        assert client.get(f"{LIST}{message_of(mail).pk}/{page}/").status_code == 403
    assert "PayPal" not in client.get("/admin/").content.decode()


def test_the_body_is_harmless_by_itself(box: Box, ada: Client) -> None:
    mail = box.judged(eml(html=(
        '<p onclick="x()" style="color:red;background:url(//evil.example/b)">Hi</p><script>x()</script>'
        '<img src="https://evil.example/p.png"><img src="data:image/svg+xml,<svg onload=x()>">'
        '<a href="javascript:x()">a</a><a href="https://evil.example/">b</a>'
        '<form action="//evil.example"><input></form>'
        '<iframe src="//evil.example"></iframe><base href="//evil.example"><meta http-equiv="refresh" content="0">'
    )))  # fmt: skip
    reply = ada.get(f"{LIST}{message_of(mail).pk}/body/")
    body = reply.content.decode()
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert reply.headers["X-Frame-Options"] == "SAMEORIGIN"
    for danger in (
        "evil.example",
        "script",
        "onclick",
        "javascript",
        "svg",
        "<form",
        "<iframe",
        "<base",
        "<meta http",
    ):
        assert danger not in body, danger
    assert "Hi" in body


def test_the_raw_message_is_saved_never_shown(box: Box, ada: Client) -> None:
    reply = ada.get(f"{LIST}{message_of(box.judged(PHISH)).pk}/raw/")
    assert reply.content == PHISH
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert "attachment" in reply.headers["Content-Disposition"]


def test_several_at_once_are_released(box: Box, ada: Client) -> None:
    first = box.judged(PHISH)
    other = box.judged(eml())
    chosen = [message_of(first).pk, message_of(other).pk]
    reply = ada.post(
        f"{LIST}?status=all", {"action": "bulk_release", "_selected_action": chosen}, follow=True
    )
    page = reply.content.decode()
    assert "1 message" in page
    assert "is not in quarantine" in page


def test_more_than_one_goes_through_are_told_before_anything_is_done(
    box: Box, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [message_of(box.judged(eml(message_id=f"<{number}@example.com>"))).pk for number in range(3)]
    monkeypatch.setattr(messages, "AT_ONCE", 2)
    data = {"action": "bulk_answered", "_selected_action": chosen}
    page = ada.post(f"{LIST}?status=all", data, follow=True).content.decode()
    assert "At most 2 messages in one go, and 3 are selected" in page
    assert not Mail.objects.exclude(answered_at=None).exists()


def test_home_names_new_quarantines_and_partners_who_wait(box: Box, ada: Client, vera: Client) -> None:
    services.add_partner(
        by=SYSTEM, address="mia@partner.example", domain="", name="Mia", tier=1, reason="tender"
    )
    box.judged(PHISH)
    box.judged(authenticated())
    page = ada.get("/admin/").content.decode()
    assert "was kept away" in page
    assert "wrote to post@company.example" in page
    assert "/act/release/" in page
    assert "/act/release/" not in vera.get("/admin/").content.decode()


def test_the_figures_answer_in_a_sentence(box: Box, ada: Client) -> None:
    assert "No mail was judged" in ada.get(reverse("admin:inbox_figures")).content.decode()
    box.judged(PHISH)
    mail = box.judged(eml())
    act(ada, mail, "reclassify", classification="ACTION")
    act(ada, mail, "answered")
    page = ada.get(reverse("admin:inbox_figures")).content.decode()
    assert "2 mails in 30 days" in page
    assert "Half of the answers came within" in page


def test_partners_are_added_and_removed_through_the_service(box: Box, ada: Client) -> None:
    form = {
        "address": "Mia@Partner.example",
        "domain": "",
        "name": "Mia",
        "tier": "1",
        "reason": "r",
        "account": "",
    }
    assert ada.post("/admin/inbox/partner/add/", form).status_code == 302
    partner = Partner.objects.get()
    assert (partner.address, partner.created_by) == ("mia@partner.example", "ada")
    both = {**form, "domain": "partner.example"}
    assert "either an address or a domain" in ada.post("/admin/inbox/partner/add/", both).content.decode()
    for wrong, sentence in (
        ({"address": "no address"}, "is no mail address"),
        ({"address": "", "domain": "com"}, "is no domain"),
        ({"address": "", "domain": "@@"}, "either an address or a domain"),
    ):
        refused = ada.post("/admin/inbox/partner/add/", {**form, **wrong})
        assert (refused.status_code, Partner.objects.count()) == (200, 1)
        assert sentence in refused.content.decode()
    ada.post(f"/admin/inbox/partner/{partner.pk}/delete/", {"post": "yes"})
    assert not Partner.objects.exists()


def test_an_accounts_page_says_how_it_is(box: Box, ada: Client) -> None:
    page = ada.get(f"/admin/inbox/account/{box.account.pk}/change/").content.decode()
    assert "Not fetched: it has no server" in page
    assert "Last read" in ada.get("/admin/inbox/account/").content.decode()
