"""Claims over HTTP, against an endpoint of the same server that does nothing; and their latency at a steady pace."""

import json
import os
import statistics
from itertools import cycle

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from tests.benchmarks import ledger
from tests.benchmarks.load import Load
from tests.benchmarks.measure import Result, ratio, take_turns, told

CONNECTIONS, ROUNDS, SECONDS = 16, 6, 1.5
PACE, LASTING = 50.0, 20.0
NOTHING = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def run(arguments: list[str]) -> list[Result]:
    """`arguments`: the port of the web server."""
    port = int(arguments[0])
    actor = Actor.objects.create(name="john", kind=Actor.Kind.AGENT)
    token = issue_token(actor=actor, scopes=["tasks:write"])[1]
    with ledger.connect(os.environ["DATABASE_URL"]) as connection:
        tasks = cycle(ledger.fill(connection, ready=9000, finished=0))
        body = json.dumps({"actor": "john", "session": "s1", "ttl_minutes": 10})

        def claim() -> bytes:
            return (
                f"POST /api/v1/tasks/{next(tasks)}/claim HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()

        known = (
            f"GET /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        load = Load(port, CONNECTIONS)
        try:
            claims, nothings = take_turns(
                ROUNDS,
                lambda: load.as_fast_as_it_goes(claim, SECONDS),
                lambda: load.as_fast_as_it_goes(lambda: NOTHING, SECONDS),
            )
            others, callers = take_turns(
                ROUNDS,
                lambda: load.as_fast_as_it_goes(claim, SECONDS),
                lambda: load.as_fast_as_it_goes(lambda: known, SECONDS),
            )
            ledger.free(connection)
            latencies = [seconds * 1000 for seconds in load.at_a_pace(claim, PACE, LASTING)]
        finally:
            load.close()
    cuts = statistics.quantiles(latencies, n=100)
    return [
        Result(
            "HTTP claim : GET /me, which does nothing but know the caller", ratio(others, callers), 0.4,
            f"{told(others, '/s')} against {told(callers, '/s')}, {CONNECTIONS} connections, "
            f"{ROUNDS} rounds of {SECONDS:g} s",
        ),
        Result(
            "HTTP claim : GET /health, a bare view without a caller", ratio(claims, nothings), 0.4,
            f"{told(claims, '/s')} against {told(nothings, '/s')}, {CONNECTIONS} connections, "
            f"{ROUNDS} rounds of {SECONDS:g} s",
        ),
        Result(
            f"HTTP claim, 99 of 100 at {PACE:g}/s", cuts[98], 25,
            f"half within {cuts[49]:.1f} ms, 90 % within {cuts[89]:.1f}, the slowest {max(latencies):.1f}; "
            f"{len(latencies)} requests, timed from when each was due",
            unit="ms", at_most=True,
        ),
    ]  # fmt: skip
