"""The pages and calls of a large ledger, against those of a small one, over HTTP on two servers that take turns."""

import http.client
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx
import psycopg

from alai.kernel import pagination
from tests.benchmarks.measure import Result, ratio, take_turns, told

GOAL = 1.5
ROUNDS, REQUESTS = 9, 3
LIST = "/admin/missioncontrol/task/"
SESSION = {"actor": "john", "session": "bench"}
COMMON = """
SELECT word FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs[:cardinality(
    most_common_elems::text::text[])]) WITH ORDINALITY AS elements (word, share)
WHERE tablename = %s AND attname = 'vector' AND word ~ '^[a-z]{4,}$'
ORDER BY abs(share - %s) LIMIT 1
"""
NUMBERED = """
SELECT substring(title FROM 'INV[0-9]+') FROM missioncontrol_task WHERE title LIKE '% INV%' ORDER BY id LIMIT 1
"""


@dataclass(frozen=True)
class Side:
    """A server with a ledger behind it, and what to ask it for."""

    connection: http.client.HTTPConnection
    token: str
    cookie: str
    tasks: list[int]  # open ones
    middle: int  # a task of the middle of its history
    words: dict[str, str]

    @classmethod
    def at(cls, port: int, database: str, token: str, password: str, words: dict[str, str]) -> Self:
        with psycopg.connect(database) as connection:
            rows = connection.execute(
                "SELECT id FROM missioncontrol_task WHERE status = 'open' ORDER BY id DESC LIMIT 50"
            ).fetchall()
            found = connection.execute("SELECT (min(id) + max(id)) / 2 FROM missioncontrol_task").fetchone()
        assert rows and found
        cookie = sign_in(f"http://127.0.0.1:{port}", password)
        connection_ = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        words = {**words, "cursor": pagination.encode(found[0])}  # as the list itself would give it
        return cls(connection_, token, cookie, [row[0] for row in rows], found[0], words)

    def page(self, path: str) -> None:
        """A page of the admin."""
        self._send("GET", path, None, {"Cookie": self.cookie})

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return json.loads(self._send(method, f"/api/v1{path}", body, headers) or b"null")

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> bytes:
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = self.connection.getresponse()
        content = reply.read()
        assert reply.status == 200, f"{method} {path}: {reply.status} {content[:300]!r}"
        return content


Act = Callable[[Side], None]


@dataclass(frozen=True)
class Path:
    """What is measured; `before` and `after` are not."""

    name: str
    act: Act
    after: Act = lambda side: None


def page(name: str, path: str) -> Path:
    return Path(
        name, lambda side: side.page(path.format(**side.words, middle=side.middle, task=side.tasks[0]))
    )


def call(name: str, path: str) -> Path:
    def act(side: Side) -> None:
        side.api("GET", path.format(**side.words, middle=side.middle, task=side.tasks[0]))

    return Path(name, act)


def claim_next(side: Side) -> None:
    side.api("POST", "/claims/next", SESSION)


def claim_next_of_a_team(side: Side) -> None:
    side.api("POST", "/claims/next", {**SESSION, "filters": {"team": "legal"}})


def claim_next_of_three_teams(side: Side) -> None:
    side.api("POST", "/claims/next", {**SESSION, "filters": {"team": ["legal", "people", "hosting"]}})


def give_back(side: Side) -> None:
    """Whatever was claimed, so that the next one finds the same ledger."""
    for task in side.api("GET", "/tasks?claimed=true&limit=500")["items"]:
        if task["lease"]["session"] == SESSION["session"]:
            side.api("POST", f"/tasks/{task['id']}/claim-release", SESSION)


def claim_and_release(side: Side) -> None:
    task = side.tasks[5]
    side.api("POST", f"/tasks/{task}/claim", SESSION)
    side.api("POST", f"/tasks/{task}/claim-release", SESSION)


PATHS = [
    page("home page", "/admin/"),
    page("task list", LIST),
    page("task list, ready", f"{LIST}?status=ready"),
    page("task list, held now", f"{LIST}?claimed=yes"),
    page("task list, overdue", f"{LIST}?due=overdue"),
    page("task list, blocked", f"{LIST}?status=blocked"),
    page("task list, open", f"{LIST}?status=open"),
    page("task list, done", f"{LIST}?status=done"),
    page("task list, all", f"{LIST}?status=all"),
    page("task list, a team", f"{LIST}?team=legal"),
    page("task list, an owner and a tag", f"{LIST}?owner=john&tag=bug&status=all"),
    page("task list, page 2", f"{LIST}?p=2"),
    page("task list, searched for a frequent word", f"{LIST}?q={{frequent}}"),
    page("task list, searched for a word of one task in a hundred", f"{LIST}?q={{usual}}"),
    page("task list, searched for a rare word", f"{LIST}?q={{rare}}"),
    page("task page", f"{LIST}{{task}}/change/"),
    page("board", f"{LIST}board/"),
    page("board of a team", f"{LIST}board/?team=legal"),
    page("costs, 12 months", f"{LIST}costs/"),
    page("costs, 24 months of a team", f"{LIST}costs/?months=24&team=legal"),
    page("flow, 90 days", f"{LIST}flow/"),
    page("flow, 365 days", f"{LIST}flow/?days=365"),
    page("flow, 90 days of a team", f"{LIST}flow/?team=legal"),
    page("flow, 365 days of a team", f"{LIST}flow/?days=365&team=legal"),
    page("event list", "/admin/missioncontrol/taskevent/"),
    page("palette, a beginning of a word", "/admin/search/?s={beginning}"),
    call("GET /tasks", "/tasks"),
    call("GET /tasks?status=&priority=", "/tasks?status=open&priority=high"),
    call("GET /tasks?team=&owner=", "/tasks?team=legal&owner=john"),
    call("GET /tasks?tag=", "/tasks?tag=topic-20"),
    call("GET /tasks?claimed=true", "/tasks?claimed=true"),
    call("GET /tasks?overdue=true", "/tasks?overdue=true"),
    call("GET /tasks?cursor= of the middle", "/tasks?cursor={cursor}"),
    call("GET /tasks?q= of a frequent word", "/tasks?q={frequent}"),
    call("GET /tasks?q= of one task in a hundred", "/tasks?q={usual}"),
    call("GET /tasks?q= of a rare word", "/tasks?q={rare}"),
    call("GET /tasks?q= of two words, a team", "/tasks?q={frequent}+{second}&team=web"),
    call("GET /stats", "/stats"),
    call("GET /stats/costs", "/stats/costs"),
    call("GET /stats/costs?by=team&from=", "/stats/costs?by=team&from=2020-01-15"),
    call("GET /stats/costs?by=task", "/stats/costs?by=task"),
    call("GET /tasks/{id}/events", "/tasks/{middle}/events"),
    Path("POST /claims/next", claim_next, give_back),
    Path("POST /claims/next of a team", claim_next_of_a_team, give_back),
    Path("POST /claims/next of three teams", claim_next_of_three_teams, give_back),
    Path("claim and release", claim_and_release),
]  # fmt: skip


def run(arguments: list[str]) -> list[Result]:
    """`arguments`: what `Side.at` takes of the large and the small one, as JSON; and a pattern for names."""
    large, small = (json.loads(text) for text in arguments[:2])
    pattern = arguments[2] if len(arguments) > 2 else ""
    words = choose_words(large["database"])
    sides = [Side.at(**side, words=words) for side in (large, small)]
    return [compare(path, *sides) for path in PATHS if re.search(pattern, path.name)]


def compare(path: Path, large: Side, small: Side) -> Result:
    ours, theirs = take_turns(ROUNDS, lambda: timed(path, large), lambda: timed(path, small))
    detail = f"{told(ours, 'ms', 1)} against {told(theirs, 'ms', 1)}, {ROUNDS} rounds, the best of {REQUESTS}"
    return Result(path.name, ratio(ours, theirs), GOAL, detail, at_most=True)


def timed(path: Path, side: Side) -> float:
    """Milliseconds of the best of a few requests: what others take from the machine only adds to it."""
    side.connection.close()  # the server closes what was idle while the other had its turn
    path.act(side)
    path.after(side)
    times = []
    for _ in range(REQUESTS):
        begin = time.perf_counter()
        path.act(side)
        times.append(time.perf_counter() - begin)
        path.after(side)
    return min(times) * 1000


def sign_in(address: str, password: str) -> str:
    """The session's cookie of the first administrator."""
    with httpx.Client(base_url=address, timeout=60) as client:
        client.get("/admin/login/")
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        reply = client.post("/admin/login/", data=form, headers={"Referer": address})
        assert reply.status_code == 302, reply.status_code
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def choose_words(database: str, table: str = "missioncontrol_tasksearch") -> dict[str, str]:
    """A word of very many tasks, one of a third, one of every hundredth, one of a single task."""
    with psycopg.connect(database) as connection:
        chosen = {}
        for name, share in (("frequent", 1.0), ("second", 0.35), ("usual", 0.01)):
            row = connection.execute(COMMON, [table, share]).fetchone()
            assert row is not None
            chosen[name] = row[0]
        row = connection.execute(NUMBERED).fetchone()
        assert row is not None
    return {**chosen, "rare": row[0], "beginning": chosen["usual"][:4]}
