"""What agents tell each other and keep in mind, from the command line."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from alai.cli.main import main
from missioncontrol.models import Memory, Message
from tests.cast import Cast
from tests.cli.conftest import DeskOf
from tests.cli.cutting import Cutter, cutter
from tests.cli.desk import Desk
from tests.cli.test_lost_connections import boundaries

UNTIL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def john(minded: DeskOf) -> Desk:
    return minded("john")


@pytest.fixture
def pi_orch(minded: DeskOf) -> Desk:
    return minded("pi-orch")


@pytest.fixture
def wire(address: str) -> Iterator[Cutter]:
    with cutter(address) as proxy:
        yield proxy


def say(channel: str, body: str) -> int:
    return Message.objects.create(channel=channel, sender="john", body=body).pk


def bodies(out: str) -> list[str]:
    return [json.loads(line)["body"] for line in out.splitlines()]


def test_what_is_posted_is_heard(john: Desk, pi_orch: Desk) -> None:
    posted = john.run("hive", "post", "deploys", "Site is up.", "--payload", '{"site": "example.com"}')
    message = Message.objects.get()
    assert (posted.code, posted.out) == (0, f"Message {message.pk} posted to deploys\n")
    assert (message.sender, message.payload, message.recipient) == ("john", {"site": "example.com"}, "")
    answer = pi_orch.run("hive", "post", "deploys", "--recipient", "john", "--json", text="Seen\nit.\n").json
    assert (answer["body"], answer["recipient"]) == ("Seen\nit.", "john")
    assert john.run("hive", "post", "deploys", "-", text="From stdin").code == 0
    first, second, third = john.run("hive", "tail", "--channel", "deploys").out.splitlines()
    assert re.fullmatch(UNTIL + r'  deploys  john: Site is up\.  {"site": "example\.com"}', first)
    assert re.fullmatch(UNTIL + r"  deploys  pi-orch to john: Seen it\.", second)
    assert third.endswith("john: From stdin")


def test_the_latest_of_some_channels_in_the_order_of_time(john: Desk) -> None:
    for number in range(6):
        say(("ops", "alerts", "noise")[number % 3], f"{number}")
    words = ("--channel", "ops", "--channel", "alerts")
    page = john.run("hive", "tail", *words, "-n", 3, "--json").json
    assert [message["body"] for message in page["items"]] == ["1", "3", "4"]
    assert len(john.run("hive", "tail", "-n4").out.splitlines()) == 4
    position = page["position"]
    say("ops", "later")
    say("noise", "unheard")
    later = john.run("hive", "tail", *words, "--last-event-id", position)
    assert [line.rpartition(": ")[2] for line in later.out.splitlines()] == ["later"]


def test_a_follower_hears_the_latest_and_then_each_as_it_comes(john: Desk, pi_orch: Desk) -> None:
    for number in range(3):
        say("ops", f"before {number}")
    follower = john.start("hive", "tail", "-f", "-n", 2, "--channel", "ops", "--json")
    assert follower.stdout is not None
    assert bodies(follower.stdout.readline() + follower.stdout.readline()) == ["before 1", "before 2"]
    for number in range(2):
        pi_orch.run("hive", "post", "alerts", "elsewhere")
        pi_orch.run("hive", "post", "ops", f"live {number}")
        assert bodies(follower.stdout.readline()) == [f"live {number}"]
    follower.terminate()
    follower.communicate(timeout=20)


def test_the_next_follower_goes_on_where_the_last_ended(john: Desk) -> None:
    for number in range(5):
        say("ops", f"{number}")
    words = ("hive", "tail", "--follow", "--json", "--timeout-seconds", 20, "--until-count")
    first = john.run(*words, 2, "-n", 4).out
    last = json.loads(first.splitlines()[-1])["last_event_id"]
    second = john.run(*words, 2, "--last-event-id", last).out
    assert bodies(first + second) == ["1", "2", "3", "4"]
    fresh = john.run("hive", "tail", "-f", "-n", 0, "--timeout-seconds", 1, "--until-count", 1)
    assert (fresh.code, fresh.out, fresh.err) == (1, "", "Only 0 of 1 came within 1 seconds.\n")


def test_what_is_remembered_is_recalled(john: Desk, pi_orch: Desk) -> None:
    words = ("--kind", "lesson", "--tags", "dns, infra", "--tags", "ttl", "--importance", "0.9")
    kept = john.run(
        "hive", "remember", "dns", "Records are cached.\n\x1b[31mAn hour.", *words, "--expires", "7d"
    )
    assert (kept.code, kept.out) == (0, "Remembered dns (lesson), revision 1\n")
    memory = Memory.objects.get()
    assert (memory.tags, memory.importance) == (["dns", "infra", "ttl"], 0.9)
    assert memory.expires_at is not None
    assert abs(memory.expires_at - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=5)
    again = john.run("hive", "remember", "dns", "--json", text="Records are cached for two hours.\n").json
    assert (again["revision"], again["kind"], again["content"]) == (
        2,
        "note",
        "Records are cached for two hours.",
    )
    pi_orch.run("hive", "remember", "dns", "Ask the registrar.", "--tags", "dns")
    found = pi_orch.run("hive", "recall", "cached", "records", "--json").json["items"]
    assert [one["agent"] for one in found] == ["john"]
    told = john.run("hive", "recall", "--agent", "john", "--kind", "note").out
    assert re.fullmatch(
        rf"dns  \(note of john; importance 0\.5; revision 2; {UNTIL}\)\n  Records are cached for two hours\.\n",
        told,
    )
    assert [one["agent"] for one in john.run("hive", "recall", "--tag", "dns", "--json").json["items"]] == [
        "pi-orch"
    ]
    assert "\x1b" not in john.run("hive", "recall").out
    page = john.run("hive", "recall", "--limit", 1, "--json").json
    rest = john.run("hive", "recall", "--limit", 1, "--cursor", page["next_cursor"]).out
    assert rest.startswith("dns  (note of john")
    assert "--cursor" in john.run("hive", "recall", "--limit", 1).out
    nothing = john.run("hive", "recall", "seventeen")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "")


@pytest.mark.parametrize(
    "words",
    [
        ("post", "ops", "x", "--payload", "[1]"),
        ("post", "ops", "x", "--payload", "{"),
        ("post", "ops", " "),
        ("post", "ops"),
        ("post",),
        ("remember", "key"),
        ("remember", "key", "x", "--importance", "1.5"),
        ("remember", "key", "x", "--importance", "nan"),
        ("remember", "key", "x", "--expires", "soon"),
        ("remember", "key", "x", "--idempotency-key", "two words"),
        ("tail", "-n", "501"),
        ("tail", "-n", "0"),
        ("tail", "-n"),
        ("tail", "-x"),
        ("tail", "--until-count", "1"),
        ("recall", "--limit", "0"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(john: Desk, words: tuple[str, ...]) -> None:
    told = john.run("hive", *words)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1), told
    assert not Message.objects.exists() and not Memory.objects.exists()


def test_what_is_no_text_on_stdin_is_one_sentence(john: Desk) -> None:
    command = f"printf '\\377' | {' '.join(john.command)} hive post ops"
    told = Desk(john.home, john.environment, ("sh", "-c", command)).run()
    assert (told.code, told.err) == (2, "What stands on stdin is not UTF-8 text.\n")


def test_refusals_and_absence_have_the_exit_codes_of_mc(john: Desk, people: Cast, desk_of: DeskOf) -> None:
    for words in (
        ("post", "two words", "x"),
        ("tail", "--last-event-id", "x"),
        ("tail", "-f", "--last-event-id", "x"),
    ):
        refused = john.run("hive", *words)
        assert (refused.code, refused.err.count("\n")) == (1, 1), refused
    outsider = desk_of(people.charlie, "charlie").run("hive", "tail")
    assert (outsider.code, "scope" in outsider.err) == (1, True)
    for verb in (("post", "ops", "x"), ("tail",), ("tail", "-f"), ("remember", "k", "x"), ("recall", "x")):
        away = john.run("hive", *verb, ALAI_MC_URL="http://127.0.0.1:1")
        assert (away.code, away.out, away.err.count("\n")) == (4, "", 1), away
    nowhere = john.run("hive", "tail", ALAI_MC_URL="", ALAI_MC_DB="hivemind.db")
    assert (nowhere.code, "No server is named" in nowhere.err) == (2, True)


def test_a_message_whose_answer_is_lost_is_there_once(
    minded: DeskOf, wire: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in minded("john", url=wire.address).variables().items():
        monkeypatch.setenv(name, value)
    assert main(["hive", "post", "ops", "Measured"]) == 0
    places = list(boundaries(wire))[::9]
    for number, (there, back) in enumerate(places):
        wire.cut(there, back)
        assert main(["hive", "post", "ops", f"Once {number}"]) == 0
    said = list(Message.objects.exclude(body="Measured").order_by("id").values_list("body", flat=True))
    assert said == [f"Once {number}" for number in range(len(places))]
    assert main(["hive", "remember", "key", "Measured"]) == 0
    for number, (there, back) in enumerate(list(boundaries(wire))[::31]):
        wire.cut(there, back)
        assert main(["hive", "remember", f"key {number}", "Once"]) == 0
        assert Memory.objects.get(key=f"key {number}").revision == 1


def test_an_outcome_that_stays_unknown_is_settled_by_its_key(minded: DeskOf, wire: Cutter) -> None:
    john = minded("john", url=wire.address)
    wire.cut(10**9, 0, cuts=2)  # both times it arrives, and nobody hears so
    lost = john.run("hive", "post", "ops", "Only once")
    assert (lost.code, lost.out) == (4, "")
    key = re.search(r"run the same command again with --idempotency-key (\w+)", lost.err)
    assert key is not None
    settled = john.run("hive", "post", "ops", "Only once", "--idempotency-key", key[1])
    assert (settled.code, Message.objects.count()) == (0, 1)
    assert settled.out == f"Message {Message.objects.get().pk} posted to ops\n"
