"""What is said in a channel is there for good, in order, and nothing of it is passed over."""

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from missioncontrol.models import Message
from tests.cast import Caller, Cast

SAY = "INSERT INTO missioncontrol_message (channel, sender, body) VALUES ('ops', 'john', %s) RETURNING id"


def say(who: Caller, body: str, channel: str = "ops", **more: object) -> int:
    reply = who.post("/hivemind/messages", {"channel": channel, "body": body, **more})
    assert reply.status == 201, reply.body
    return int(reply.body["id"])


@pytest.mark.django_db
def test_a_message_is_answered_as_it_is_kept(john: Caller) -> None:
    said = john.post(
        "/hivemind/messages",
        {"channel": "ops", "body": "Deploying.", "payload": {"site": "example.com"}, "recipient": "pi-orch"},
    )
    assert said.status == 201
    assert said.body["sender"] == "john"
    assert said.body["recipient"] == "pi-orch"
    assert said.body["payload"] == {"site": "example.com"}
    assert said.body["created_at"].endswith("Z")
    assert john.get("/hivemind/messages?channel=ops").body["items"] == [said.body]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"channel": "ops"},
        {"channel": "two words", "body": "x"},
        {"channel": "ops", "body": ""},
        {"channel": "ops", "body": "x", "payload": [1]},
        {"channel": "ops", "body": "x", "sender": "ada"},
        {"channel": "ops", "body": "x", "recipient": "no body"},
        {"channel": "ops", "body": "nul \0"},
    ],
)
def test_what_is_not_a_message_is_refused(john: Caller, wrong: dict[str, object]) -> None:
    assert john.post("/hivemind/messages", wrong).status == 422
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_only_the_scope_opens_it(cast: Cast, john: Caller) -> None:
    body = {"channel": "ops", "body": "x"}
    assert cast.nobody.post("/hivemind/messages", body).status == 401
    assert cast.john.post("/hivemind/messages", body).status == 403
    assert cast.nobody.get("/hivemind/stream").status == 401
    assert cast.john.get("/hivemind/memories").status == 403
    assert cast.ada.get("/hivemind/messages").status == 200  # admin implies it


@pytest.mark.django_db
def test_the_latest_come_first_page_and_the_cursor_leads_back(john: Caller) -> None:
    ids = [say(john, f"Message {number}") for number in range(5)]
    say(john, "elsewhere", channel="alerts")
    page = john.get("/hivemind/messages?channel=ops&limit=2").body
    assert [item["id"] for item in page["items"]] == ids[3:]
    say(john, "meanwhile")
    page = john.get(f"/hivemind/messages?channel=ops&limit=2&cursor={page['next_cursor']}").body
    assert [item["id"] for item in page["items"]] == ids[1:3]
    page = john.get(f"/hivemind/messages?channel=ops&limit=2&cursor={page['next_cursor']}").body
    assert [item["id"] for item in page["items"]] == ids[:1]
    assert page["next_cursor"] is None


@pytest.mark.django_db(transaction=True)
def test_after_id_goes_on_page_by_page_until_nothing_is_left(john: Caller, pi_orch: Caller) -> None:
    position = john.get("/hivemind/messages?channel=ops").body["position"]
    ids = [say(pi_orch, f"Message {number}") for number in range(5)]
    say(pi_orch, "elsewhere", channel="alerts")
    seen = []
    while True:
        page = john.get(f"/hivemind/messages?channel=ops&limit=2&after_id={position}").body
        seen += [item["id"] for item in page["items"]]
        position = page["position"]
        if page["next_cursor"] is None:
            break
    assert seen == ids
    assert john.get(f"/hivemind/messages?channel=ops&after_id={position}").body["items"] == []
    new = say(pi_orch, "One more")
    assert [
        item["id"] for item in john.get(f"/hivemind/messages?channel=ops&after_id={position}").body["items"]
    ] == [new]


@pytest.mark.django_db(transaction=True)
def test_after_id_takes_a_messages_cursor_and_its_number(john: Caller) -> None:
    first = john.post("/hivemind/messages", {"channel": "ops", "body": "One"}).body
    second = say(john, "Two")
    for after in (first["cursor"], first["id"]):
        items = john.get(f"/hivemind/messages?channel=ops&after_id={after}").body["items"]
        assert [item["id"] for item in items] == [second]
    items = john.get("/hivemind/messages?channel=ops&after_id=0").body["items"]
    assert [item["id"] for item in items] == [first["id"], second]
    for unknown in ("nonsense", "999999999", "9" * 30):
        assert john.get(f"/hivemind/messages?after_id={unknown}").status == 422


@pytest.mark.django_db(transaction=True)
def test_a_message_that_commits_late_is_not_passed_over(john: Caller) -> None:
    names = ("host", "port", "user", "password", "dbname")
    given = connection.get_connection_params()
    position = john.get("/hivemind/messages?channel=ops").body["position"]
    with psycopg.connect(**{name: given[name] for name in names if name in given}) as slow:
        late = slow.execute(SAY, ["begun first"]).fetchone()
        early = say(john, "committed first")
        page = john.get(f"/hivemind/messages?channel=ops&after_id={position}").body
        assert page["items"] == []
        slow.commit()
    assert late
    page = john.get(f"/hivemind/messages?channel=ops&after_id={page['position']}").body
    assert [item["id"] for item in page["items"]] == [late[0], early]


@pytest.mark.django_db
def test_the_same_idempotency_key_says_it_once(john: Caller) -> None:
    body = {"channel": "ops", "body": "Once."}
    replies = [john.post("/hivemind/messages", body, idempotency_key="k1") for _ in range(2)]
    assert replies[0].body["id"] == replies[1].body["id"]
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_a_message_cannot_be_changed(john: Caller) -> None:
    number = say(john, "Said is said.")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Message.objects.filter(pk=number).update(body="Unsaid.")


@pytest.mark.django_db
def test_several_channels_are_one_list(john: Caller) -> None:
    for number in range(6):
        say(john, f"{number}", channel=("ops", "alerts", "noise")[number % 3])
    path = "/hivemind/messages?channel=ops&channel=alerts&limit=3"
    page = john.get(path).body
    assert [item["body"] for item in page["items"]] == ["1", "3", "4"]
    assert [item["body"] for item in john.get(f"{path}&cursor={page['next_cursor']}").body["items"]] == ["0"]
    assert len(john.get("/hivemind/messages?channel=").body["items"]) == 6
