"""The REST of the inbox: contract section 4."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from alai.kernel.models import IdempotencyRecord
from inbox.models import Account, Mail, Message
from missioncontrol.models import Task
from tests.cast import BASE, Caller, Cast, Reply
from tests.inbox.conftest import Box, caller
from tests.inbox.mails import ACCOUNT, PHISH, authenticated, eml

pytestmark = pytest.mark.django_db
ANSWER = {"id", "message_id", "action", "verdict", "reasons", "task_id", "partner_tier"}


def post(who: Caller, raw: bytes, account: str = ACCOUNT, **headers: str) -> Reply:
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    response = Client().generic(
        "POST",
        f"{BASE}/inbox/messages?account={account}",
        raw,
        content_type="message/rfc822",
        headers={"Authorization": f"Bearer {who.token}", **named},
    )
    return Reply(response.status_code, response.json() if response.content else None, response.headers)


def test_a_posted_mail_is_stored_judged_and_answered(feeder: Caller) -> None:
    reply = post(feeder, eml())
    assert reply.status == 201
    assert reply.body.keys() >= ANSWER
    assert reply.body["message_id"] == "<1@partner.example>"
    assert (reply.body["verdict"], reply.body["action"]) == ("deferred", "llm_deferred")
    assert (reply.body["task_id"], reply.body["partner_tier"]) == (None, 0)
    assert Account.objects.get().kind == "feed"


def test_the_same_mail_again_is_200_and_nothing_happens_twice(feeder: Caller) -> None:
    first = post(feeder, eml())
    again = post(feeder, eml())
    assert again.status == 200 and again.body == first.body
    assert Message.objects.count() == 1


def test_a_partners_mail_is_a_task_at_once(feeder: Caller) -> None:
    added = feeder.post(
        "/inbox/partners", {"email": "mia@partner.example", "tier": 2, "name": "Mia", "reason": "x"}
    )
    assert added.status == 201
    reply = post(feeder, eml())
    assert (reply.body["verdict"], reply.body["action"], reply.body["partner_tier"]) == (
        "task",
        "partner_unverified",
        2,
    )
    assert Task.objects.get().pk == reply.body["task_id"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" * 10,
        b"\xff\xfe\xfa",
        b"From: a@b\n\n" + b"x" * 100_000,
        b"Subject: =?utf-8?b?4pyT?=\nFrom:\n\n",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n--x",
        b"Date: Mon, 99 Foo 2026 99:99:99 +9999\nMessage-ID: <" + b"a" * 5000 + b">\n\nhi",
        b"From: \xe2\x80\xae evil <a\0b@c>\nSubject: nul\0here\n\nbody\0body",
    ],
)
def test_whatever_is_posted_ends_in_a_stored_message(feeder: Caller, raw: bytes) -> None:
    reply = post(feeder, raw)
    assert reply.status == 201, reply.body
    assert Message.objects.get().mail is not None
    assert post(feeder, raw).status == 200


def test_what_cannot_be_mail_is_refused_with_a_sentence(feeder: Caller, settings: Settings) -> None:
    assert post(feeder, b"").status == 422
    assert post(feeder, eml(), account="nobody").status == 422
    assert post(feeder, eml(), account="").status == 422
    assert post(feeder, eml(), account="a%00b@c.example").status == 422
    settings.INBOX_MESSAGE_MAX_BYTES = 1000
    reply = post(feeder, eml(body="x" * 2000))
    assert (reply.status, reply.body["code"]) == (413, "too_large")
    assert not Message.objects.exists()


def test_thirty_megabytes_are_taken(feeder: Caller) -> None:
    raw = eml() + b"x" * (30 * 1024 * 1024 - 2000)
    assert post(feeder, raw).status == 201
    assert Message.objects.get().size == len(raw)


def test_scopes_are_asked_for(cast: Cast, reader: Caller) -> None:
    assert post(cast.nobody, eml()).status == 401
    assert post(cast.charlie, eml()).status == 403
    assert post(reader, eml()).status == 403
    assert cast.charlie.get("/inbox/messages").status == 403
    assert cast.john.get("/inbox/audit").status == 403
    assert reader.get("/inbox/messages").status == 200
    assert reader.post("/inbox/partners", {"domain": "x.example"}).status == 403


def test_a_token_limited_to_accounts_sees_only_theirs(feeder: Caller) -> None:
    mine = caller("limited", "inbox:write", "inbox:read", accounts=["Mine@company.example"])
    assert post(mine, eml(), account="mine@company.example").status == 201
    other = post(feeder, eml(message_id="<2@x>"), account=ACCOUNT)
    assert post(mine, eml(), account=ACCOUNT).body["code"] == "account_not_allowed"
    assert [one["account"] for one in mine.get("/inbox/messages").body["items"]] == ["mine@company.example"]
    assert mine.get(f"/inbox/messages/{other.body['id']}").status == 403
    assert mine.post(f"/inbox/messages/{other.body['id']}/promote").status == 403
    assert {one["account"] for one in mine.get("/inbox/audit").body["items"]} == {"mine@company.example"}
    assert mine.post("/inbox/partners", {"domain": "x.example"}).status == 422
    assert mine.post("/inbox/partners", {"domain": "x.example", "account": ACCOUNT}).status == 403
    assert (
        mine.post("/inbox/partners", {"domain": "x.example", "account": "mine@company.example"}).status == 201
    )


def test_idempotency_keys_work_for_mail_and_keep_none_of_it(feeder: Caller) -> None:
    raw = eml(subject="Pomegranate", body="pomegranate " * 100)
    first = post(feeder, raw, idempotency_key="k1")
    again = post(feeder, raw, idempotency_key="k1")
    assert (first.status, again.status) == (201, 201) and first.body["id"] == again.body["id"]
    assert post(feeder, eml(body="other"), idempotency_key="k1").status == 409
    kept = b"".join(bytes(one.response) for one in IdempotencyRecord.objects.all())
    assert b"omegranate" not in kept


def test_the_list_has_its_filters(feeder: Caller, box: Box) -> None:
    feeder.post("/inbox/partners", {"domain": "partner.example", "name": "Partner AS"})
    post(feeder, eml(subject="Kontrakten"))
    post(
        feeder,
        eml(sender="Kari <kari@kunde.example>", message_id="<2@x>", subject="Hei"),
        account="b@company.example",
    )
    box.judged(authenticated(message_id="<3@partner.example>", subject="Faktura"))

    def subjects(query: str) -> set[str]:
        reply = feeder.get(f"/inbox/messages?{query}")
        assert reply.status == 200, reply.body
        return {one["subject"] for one in reply.body["items"]}

    assert subjects("") == {"Kontrakten", "Hei", "Faktura"}
    assert subjects("account=B@company.example") == {"Hei"}
    assert subjects("status=deferred") == {"Hei"}
    assert subjects("status=task&status=deferred") == {"Kontrakten", "Hei", "Faktura"}
    assert subjects("classification=ACTION") == {"Kontrakten", "Faktura"}
    assert subjects("partner=true") == subjects("partner=1") == {"Kontrakten", "Faktura"}
    assert subjects("partner=false") == subjects("partner=0") == {"Hei"}
    assert (
        subjects("partner=partner%20as") == subjects("partner=partner.example") == {"Kontrakten", "Faktura"}
    )
    assert subjects("q=kontrakten") == {"Kontrakten"}
    assert subjects("q=kari") == {"Hei"}
    assert subjects("unanswered_hours=0") == {"Kontrakten", "Faktura"}
    assert subjects("unanswered_hours=1") == set()
    for query in ("status=nonsense", "limit=0", "limit=501", "cursor=zzz", "unanswered_hours=-1", "q=%00"):
        assert feeder.get(f"/inbox/messages?{query}").status == 422, query


def test_lists_are_paged(feeder: Caller) -> None:
    for number in range(5):
        post(feeder, eml(message_id=f"<{number}@x>", body=f"{number}"))
    seen: list[int] = []
    cursor = ""
    while True:
        page = feeder.get(f"/inbox/messages?limit=2{cursor}").body
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 5


def test_a_message_tells_its_story(feeder: Caller, reader: Caller) -> None:
    number = post(feeder, eml(body="Could you send an offer?")).body["id"]
    told = reader.get(f"/inbox/messages/{number}").body
    assert "Could you send an offer?" in told["text"]
    assert told["to"] == [ACCOUNT]
    [decision] = told["decisions"]
    assert decision["action"] == "llm_deferred"
    assert {"authentication", "security", "llm"} <= {stage["stage"] for stage in decision["stages"]}
    for path in ("/inbox/messages/999999", "/inbox/messages/99999999999999999999"):
        assert reader.get(path).status == 404


def test_the_audit_lists_decisions_by_action(feeder: Caller) -> None:
    post(feeder, eml())
    lines = feeder.get("/inbox/audit?action=llm_deferred").body["items"]
    assert [(one["action"], one["account"], one["message_id"]) for one in lines] == [
        ("llm_deferred", ACCOUNT, "<1@partner.example>")
    ]
    assert feeder.get("/inbox/audit?action=llm_yes").body["items"] == []
    assert feeder.get("/inbox/audit?action=nonsense").status == 422


def test_partners_come_and_go(feeder: Caller, reader: Caller) -> None:
    made = feeder.post(
        "/inbox/partners", {"address": "Mia@Partner.example", "name": "Mia", "tier": 1, "reason": "x"}
    )
    assert (made.status, made.body["address"]) == (201, "mia@partner.example")
    again = feeder.post("/inbox/partners", {"address": "mia@partner.example", "name": "Mia P", "tier": 3})
    assert again.body["id"] == made.body["id"] and again.body["tier"] == 3
    assert [one["name"] for one in reader.get("/inbox/partners").body["items"]] == ["Mia P"]
    assert feeder.call("DELETE", f"/inbox/partners/{made.body['id']}").status == 204
    assert feeder.call("DELETE", f"/inbox/partners/{made.body['id']}").status == 404
    bad: list[dict[str, Any]] = [
        {},
        {"address": "x"},
        {"domain": "a b"},
        {"address": "a@b.example", "domain": "b.example"},
        {"domain": "b.example", "tier": 0},
        {"domain": "b.example", "nonsense": 1},
        {"domain": "b.example", "account": "unknown@x.example"},
    ]
    for body in bad:
        assert feeder.post("/inbox/partners", body).status == 422, body


def test_quarantine_can_be_released_once(feeder: Caller) -> None:
    number = post(feeder, PHISH).body["id"]
    assert Mail.objects.get().verdict == "quarantine"
    released = feeder.post(f"/inbox/messages/{number}/release", {"note": "it is real"})
    assert released.status == 200 and released.body["verdict"] != "quarantine"
    assert feeder.post(f"/inbox/messages/{number}/release").status == 200
    other = post(feeder, eml()).body["id"]
    assert feeder.post(f"/inbox/messages/{other}/release").body["code"] == "not_quarantined"


def test_verbs_answer_the_message(feeder: Caller) -> None:
    number = post(feeder, eml()).body["id"]
    promoted = feeder.post(f"/inbox/messages/{number}/promote").body
    assert promoted["verdict"] == "task" and promoted["task_id"] is not None
    assert feeder.post(f"/inbox/messages/{number}/promote").body["task_id"] == promoted["task_id"]
    assert feeder.post(f"/inbox/messages/{number}/answered").body["answered_by"] == "feeder"
    sorted_out = feeder.post(f"/inbox/messages/{number}/reclassify", {"classification": "INFO"}).body
    assert (sorted_out["classification"], sorted_out["verdict"]) == ("INFO", "queue")
    assert feeder.post(f"/inbox/messages/{number}/reclassify", {"classification": "NONSENSE"}).status == 422
    assert feeder.post(f"/inbox/messages/{number}/partner", {"tier": 2}).status == 200
    assert feeder.post(f"/inbox/messages/{number}/never-again").body["classification"] == "SPAM"
    assert feeder.call("DELETE", f"/inbox/messages/{number}/never-again").status == 200
    assert feeder.post("/inbox/messages/999999/promote").status == 404


def test_only_an_administrator_erases(cast: Cast, feeder: Caller) -> None:
    number = post(feeder, eml(body="pomegranate")).body["id"]
    order = {"address": "mia@partner.example", "reason": "asked by letter"}
    assert feeder.post("/inbox/erasures", order).status == 403
    assert cast.ole.post("/inbox/erasures", order).body == {"erased": 1}
    assert cast.ole.post("/inbox/erasures", {**order, "reason": ""}).status == 422
    told = feeder.get(f"/inbox/messages/{number}").body
    assert (told["subject"], told["text"], told["snippet"]) == ("[erased]", None, "")


def test_accounts_show_their_health(feeder: Caller, box: Box) -> None:
    [account] = feeder.get("/inbox/accounts").body["items"]
    assert (account["address"], account["kind"], account["failures"]) == (ACCOUNT, "imap", 0)
    assert "secret_ref" not in account
