"""A connection looks and never touches, and whatever a server says ends as an answer or as a MailTrouble in time."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inbox.imap.connection import Connection, Server, uid_set
from inbox.imap.sockets import Limits
from inbox.imap.trouble import Kind, MailTrouble, quoted
from tests.length import times
from tests.standins.imap import Habits, ImapStandIn, imap_stand_in

RAWS = [b"Subject: %d\r\n\r\nhello\r\n" % number for number in range(20)]
QUICK = Limits(connect=2, silence=0.3, reply=0.8)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ImapStandIn]:
    with imap_stand_in(tmp_path) as one:
        one.inbox.add(*RAWS)
        yield one


def place(server: ImapStandIn, limits: Limits = QUICK, secret: str = "any") -> Server:
    return Server(
        "localhost", "post@example.com", secret, port=server.port, ca_file=str(server.ca_file), limits=limits
    )


def look_into(server: ImapStandIn) -> dict[int, bytes]:
    """A whole conversation."""
    connection = Connection(place(server)).connect()
    try:
        connection.folders()
        connection.open("INBOX")
        found = connection.overview(1, 100)
        connection.beginning(1, 10)
        return dict(connection.messages(found))
    finally:
        connection.close()


def test_it_only_looks(server: ImapStandIn) -> None:
    assert list(look_into(server).values()) == RAWS
    verbs = {command.split()[0] for command in server.commands}
    assert verbs <= {"CAPABILITY", "AUTHENTICATE", "LIST", "EXAMINE", "UID", "LOGOUT"}
    asked = [command for command in server.commands if "BODY" in command]
    assert asked and all("BODY.PEEK[" in command for command in asked)


def test_a_mangled_conversation_ends_as_an_answer_or_as_trouble_in_time(server: ImapStandIn) -> None:
    chance = random.Random(11)

    def mangle(data: bytes) -> bytes:
        if not data or chance.random() > 0.04:
            return data
        at = chance.randrange(len(data))
        rubbish = bytes(chance.choices(b'(){}[]"\\* \r\n0019+\x00\xff\x80ANIL', k=chance.randrange(4)))
        return chance.choice(
            [data[:at], data[:at] + rubbish + data[at:], data[:at] + rubbish + data[at + 2 :], data * 2]
        )

    server.habits = Habits(mangle=mangle)
    sentences: set[str] = set()
    answers = 0
    for _ in range(times(20)):
        begin = time.monotonic()
        try:
            look_into(server)
        except MailTrouble as trouble:  # and nothing else
            sentences.add(trouble.sentence)
        else:
            answers += 1
        assert time.monotonic() - begin < 10
    assert answers > 3 and len(sentences) > 3, sentences
    assert all("localhost" in sentence for sentence in sentences), sentences


def test_half_a_reply_is_never_read_as_another_commands(server: ImapStandIn) -> None:
    """What a stranger wrote in a mail could look like an answer of the server's."""
    connection = Connection(place(server)).connect()
    connection.open("INBOX")
    iterator = connection.messages(connection.overview(1, 20))
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    with pytest.raises(MailTrouble):
        connection.overview(1, 20)
    connection.close()


def test_a_cut_ends_the_waiting_of_another_thread_at_once(server: ImapStandIn) -> None:
    server.habits.drip = 0.2
    connection = Connection(place(server, Limits())).connect()
    connection.open("INBOX")
    threading.Timer(0.5, connection.cut).start()
    begin = time.monotonic()
    with pytest.raises(MailTrouble) as caught:
        list(connection.messages(connection.overview(1, 20)))
    assert caught.value.kind == Kind.NETWORK and time.monotonic() - begin < 3
    connection.close()


def test_a_cut_ends_also_the_opening(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        connection = Connection(Server("127.0.0.1", "x", "y", port=port, limits=Limits()))
        threading.Timer(0.5, connection.cut).start()
        begin = time.monotonic()
        with pytest.raises(MailTrouble):
            connection.connect()
        assert time.monotonic() - begin < 3


def test_a_server_that_takes_connections_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        with pytest.raises(MailTrouble) as caught:
            Connection(Server("127.0.0.1", "x", "y", port=silent.getsockname()[1], limits=QUICK)).connect()
        assert caught.value.kind == Kind.NETWORK and time.monotonic() - begin < 5


def test_idle_returns_when_the_server_speaks_and_when_it_does_not(server: ImapStandIn) -> None:
    connection = Connection(place(server)).connect()
    connection.open("INBOX")
    assert connection.wait(0.2) is False, "this server has no IDLE"
    connection.close()


def test_no_sentence_and_no_representation_shows_the_password(server: ImapStandIn) -> None:
    server.habits.login = "NO [AUTHENTICATIONFAILED] user any-secret unknown"
    told = place(server, secret="any-secret")
    assert "any-secret" not in repr(told)
    with pytest.raises(MailTrouble) as caught:
        Connection(told).connect()
    assert "any-secret" not in str(caught.value) and caught.value.__cause__ is None


def test_what_a_server_says_is_quoted_short_and_printable() -> None:
    assert quoted(b"a\x00b\r\n  c\x1b[31m.") == "a b c [31m"
    assert len(quoted("x" * 10_000)) == 200
    assert quoted(b"\xff\xfe") == "��"


def test_uids_are_written_as_ranges() -> None:
    assert uid_set([1, 2, 3, 7, 9, 10]) == "1:3,7,9:10"
    assert uid_set([5]) == "5" and uid_set([]) == ""
