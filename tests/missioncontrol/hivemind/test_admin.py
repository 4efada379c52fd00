"""Channels and memories to look at."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from missioncontrol.models import Memory, Message

pytestmark = pytest.mark.django_db
MESSAGES = reverse("admin:missioncontrol_message_changelist")
MEMORIES = reverse("admin:missioncontrol_memory_changelist")


@pytest.fixture
def ada(db: None) -> Client:
    client = Client()
    client.force_login(
        User.objects.create_superuser("ada", password=None),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


def text(client: Client, address: str) -> str:
    reply = client.get(address)
    assert reply.status_code == 200
    return reply.content.decode()


def test_a_channel_shows_who_said_what(ada: Client) -> None:
    Message.objects.create(channel="ops", sender="john", recipient="pi-orch", body="<b>Deploying</b>")
    Message.objects.create(
        channel="alerts", sender="mehanik", body="Disk full", payload={"host": "example.com"}
    )
    ops = text(ada, f"{MESSAGES}?channel=ops")
    assert "john to pi-orch" in ops and "&lt;b&gt;Deploying" in ops
    assert "Disk full" not in ops
    alert = Message.objects.get(channel="alerts")
    assert "example.com" in text(ada, reverse("admin:missioncontrol_message_change", args=[alert.pk]))


def test_a_channel_that_is_new_narrows_the_list_at_once(ada: Client) -> None:
    """Which channels there are is looked up once a minute, and before the first message there was none."""
    text(ada, MESSAGES)
    Message.objects.create(channel="ops", sender="john", body="Deploying")
    Message.objects.create(channel="alerts", sender="mehanik", body="Disk full")
    shown = text(ada, f"{MESSAGES}?channel=ops")
    assert "Deploying" in shown and "Disk full" not in shown
    assert '<option value="ops" selected>ops</option>' in shown


def test_memories_are_found_by_their_words_and_show_their_past(ada: Client) -> None:
    for content in ("Žalbeni rok je 8 dana", "Žalbeni rok je 10 dana"):
        Memory.objects.create(agent="john", kind="fact", key="deadline", content=content)
    Memory.objects.create(agent="drop", kind="lesson", key="other", content="Nothing of that")
    found = text(ada, f"{MEMORIES}?q=zalbeni")
    assert "10 dana" in found and "8 dana" not in found and "Nothing of that" not in found
    assert "8 dana" in text(ada, f"{MEMORIES}?q=zalbeni&state=past")
    assert "Nothing of that" in text(ada, f"{MEMORIES}?agent=drop&kind=lesson")
    current = Memory.objects.get(key="deadline", is_current=True)
    page = text(ada, reverse("admin:missioncontrol_memory_change", args=[current.pk]))
    assert "Revision 1" in page and "8 dana" in page


def test_expired_memories_stand_apart(ada: Client) -> None:
    Memory.objects.create(
        agent="john", kind="fact", key="k", content="Long gone", expires_at="2020-01-01T00:00Z"
    )
    assert "Long gone" not in text(ada, MEMORIES)
    assert "Long gone" in text(ada, f"{MEMORIES}?state=expired")
    assert "Long gone" in text(ada, f"{MEMORIES}?state=all")


def test_nobody_edits_them_by_hand(ada: Client) -> None:
    for name in ("message", "memory"):
        assert ada.get(reverse(f"admin:missioncontrol_{name}_add")).status_code == 403
