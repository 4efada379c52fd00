"""The same mail at the same moment, through the real web server: one task, one push, one row an account."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from alai.kernel.models import Notification
from inbox.models import Content, Decision, Mail, Message
from missioncontrol.models import Task
from tests.cast import BASE
from tests.inbox.conftest import caller
from tests.inbox.mails import eml
from tests.serving import served

pytestmark = [pytest.mark.django_db(transaction=True)]
CONNECTIONS = 8


def post_at_once(address: str, token: str, mails: list[tuple[str, bytes]]) -> list[httpx.Response]:
    """Each from a connection of its own, all released together."""
    together = threading.Barrier(len(mails))

    def post(account: str, raw: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "message/rfc822"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            client.get("/health")
            together.wait(30)
            return client.post(f"{BASE}/inbox/messages", params={"account": account}, content=raw)

    with ThreadPoolExecutor(len(mails)) as pool:
        return list(pool.map(post, *zip(*mails, strict=True)))


def test_the_same_mail_from_eight_connections_is_one_task_and_one_push() -> None:
    feeder = caller("feeder", "inbox:write")
    feeder.post("/inbox/partners", {"domain": "partner.example", "name": "Mia"})
    with served(workers=2) as address:
        for round_ in range(5):
            raw = eml(message_id=f"<{round_}@partner.example>", subject=f"Round {round_}")
            mails = [("post@company.example", raw)] * CONNECTIONS
            replies = post_at_once(address, feeder.token, mails)
            assert sorted(reply.status_code for reply in replies) == [200] * (CONNECTIONS - 1) + [201], [
                reply.text for reply in replies
            ]
            assert len({(reply.json()["id"], reply.json()["task_id"]) for reply in replies}) == 1
            assert {reply.json()["action"] for reply in replies} == {"partner_unverified"}
            total = round_ + 1
            found = {
                model: model.objects.count()
                for model in (Message, Content, Mail, Decision, Task, Notification)
            }
            assert set(found.values()) == {total}, found


def test_the_same_mail_to_eight_accounts_by_eight_routes_is_one_task_and_one_push() -> None:
    feeder = caller("feeder", "inbox:write")
    feeder.post("/inbox/partners", {"domain": "partner.example", "name": "Mia"})
    with served(workers=2) as address:
        for round_ in range(5):
            raw = eml(message_id=f"<{round_}@partner.example>", subject=f"Round {round_}")
            mails = [
                (f"a{n}@company.example", f"Received: from mx{n}.example\n".encode() + raw)
                for n in range(CONNECTIONS)
            ]
            replies = post_at_once(address, feeder.token, mails)
            assert [reply.status_code for reply in replies] == [201] * CONNECTIONS
            assert len({reply.json()["task_id"] for reply in replies}) == 1
            total = round_ + 1
            found = {model: model.objects.count() for model in (Mail, Decision, Task, Notification)}
            assert set(found.values()) == {total}, found
            assert Message.objects.count() == total * CONNECTIONS


def test_one_mail_in_eight_forms_at_once_is_one_message() -> None:
    """Each connection brings other bytes of the same mail, so that each stores a row, and all but one are merged."""
    feeder = caller("feeder", "inbox:write")
    with served(workers=2) as address:
        for round_ in range(3):
            raw = eml(message_id=f"<{round_}@partner.example>", body=f"{round_}")
            mails = [
                ("post@company.example", f"Received: from mx{n}.example\n".encode() + raw)
                for n in range(CONNECTIONS)
            ]
            replies = post_at_once(address, feeder.token, mails)
            assert sorted(reply.status_code for reply in replies) == [200] * (CONNECTIONS - 1) + [201], [
                reply.text for reply in replies
            ]
            assert len({reply.json()["id"] for reply in replies}) == 1
            assert Message.objects.count() == Mail.objects.count() == Decision.objects.count() == round_ + 1
