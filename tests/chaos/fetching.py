"""A large mailbox is fetched while the fetcher is killed, the line cut, the server restarted and its UIDs renumbered.

In the end each message that ever lay there is stored exactly once, as it was sent.
"""

import hashlib
import os
import random
import resource
import subprocess
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from tests.chaos.place import Place
from tests.mailserver.dovecot import HOST, PASSWORD, Dovecot, dovecot, missing
from tests.mailserver.messages import many
from tests.mailserver.proxy import Proxy, proxy

USER = "soak@example.com"
MEDIAN = 1_000  # bytes of a message
FEW, MANY = 4_000, 50_000  # messages: in a short run, in a long one
LONG = 10.0  # seconds from which a run is a long one
FINISH_SECONDS = 600.0
ROOM = 400 * 1024 * 1024  # bytes of memory that the fetcher may take


@dataclass
class Mailroom:
    """The server, the line to it, and everything that was ever delivered."""

    server: Dovecot
    line: Proxy
    database: str
    chance: random.Random
    sent: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    validity: int = 1000

    def deliver(self, count: int) -> None:
        raws = list(many(count, seed=self.chance.getrandbits(32), median=MEDIAN))
        self.server.deliver(USER, *raws)
        self.sent += [hashlib.sha256(raw).hexdigest() for raw in raws]

    def end_turns(self) -> None:
        """Whoever has a turn now goes on believing so."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("UPDATE inbox_account SET claimed_until = NULL")

    def disturb(self, fetchers: "list[subprocess.Popen[str]]") -> None:
        what = self.chance.choices(
            ["kill", "steal", "cut", "cut after", "restart", "renumber", "arrival"], [5, 3, 3, 3, 1, 1, 3]
        )[0]
        self.done[what] += 1
        match what:
            case "kill":
                self.chance.choice(fetchers).kill()
                self.end_turns()  # rather than wait until the dead one's time is over
            case "steal":
                self.end_turns()
            case "cut":
                self.line.cut()
            case "cut after":
                self.line.cut_after = self.chance.randrange(2_000, 3_000_000)
                self.line.cut()
            case "restart":
                self.server.restart()
            case "renumber":
                self.validity += 1
                self.server.new_validity(USER, self.validity)
            case "arrival":
                self.deliver(self.chance.randrange(1, 40))


def fetch_in_chaos(place: Place, seconds: float) -> list[str]:
    """Run it for about so long, and to its end; answers the promises that were broken."""
    with dovecot() as server, proxy(server.port) as line:
        room = Mailroom(server, line, place.database, random.Random())
        room.deliver(MANY if seconds >= LONG else FEW)
        _watch(place, server, line)
        _disturb(place, room, seconds)
        line.cut_after = None
        line.cut()
        begin = time.monotonic()
        room.end_turns()
        _run_to_the_end(place)
        broken = _check(place, room)
        _tell(room, time.monotonic() - begin)
        return broken


def _watch(place: Place, server: Dovecot, line: Proxy) -> None:
    place.environment |= {"MAIL_CA_FILE": str(server.ca_file), "MAIL_PASSWORD_SOAK": PASSWORD}
    arguments = ("--host", HOST, "--port", str(line.port), "--secret", "env:MAIL_PASSWORD_SOAK")
    place.manage("watch_mail", USER, *arguments)


def _fetcher(place: Place) -> "subprocess.Popen[str]":
    return place.python("tests.chaos.fetcher", USER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _disturb(place: Place, room: Mailroom, seconds: float) -> None:
    """Two fetchers at once, each replaced when it dies."""
    fetchers = [_fetcher(place), _fetcher(place)]
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            time.sleep(room.chance.uniform(0.05, 0.8))
            room.disturb(fetchers)
            fetchers = [one if one.poll() is None else _fetcher(place) for one in fetchers]
    finally:
        for one in fetchers:
            one.kill()
            one.wait()


def _run_to_the_end(place: Place) -> None:
    fetcher = place.python("tests.chaos.fetcher", USER, "--once", stdout=subprocess.DEVNULL)
    assert fetcher.wait(FINISH_SECONDS) == 0, "the last fetcher failed"


def _check(place: Place, room: Mailroom) -> list[str]:
    with psycopg.connect(place.database) as connection:
        rows = connection.execute(
            "SELECT m.raw_sha256, c.data FROM inbox_message m JOIN inbox_content c ON c.message_id = m.id"
        )
        stored: Counter[str] = Counter()
        broken = []
        for digest, data in rows:
            stored[digest] += 1
            if hashlib.sha256(zlib.decompress(data)).hexdigest() != digest:
                broken.append(f"a message is not what was sent: {digest}")
    lost, doubled = set(room.sent) - set(stored), [one for one, times in stored.items() if times > 1]
    strange = set(stored) - set(room.sent)
    for words, found in (("lost", lost), ("doubled", doubled), ("of nobody's sending", strange)):
        broken += [f"{len(found)} of {len(room.sent)} messages are {words}"] if found else []
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (
        1 if os.uname().sysname == "Darwin" else 1024
    )
    if peak > ROOM:
        broken.append(f"a fetcher took {peak >> 20} MB of memory")
    return broken


def _tell(room: Mailroom, seconds: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    done = ", ".join(f"{count} x {what}" for what, count in sorted(room.done.items()))
    print(
        f"  {len(room.sent):,} messages: {done}; then {seconds:.0f} s to the end; no child took over {peak} MB"
    )


def told(place: Place, seconds: float) -> bool:
    """A part of `make soak`."""
    if reason := missing():
        print(f"  left out: {reason}")
        return True
    broken = fetch_in_chaos(place, seconds)
    for sentence in broken:
        print(f"  BROKEN: {sentence}")
    return not broken
