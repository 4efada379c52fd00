"""Recall over HTTP from a large HiveMind: how long the slowest of twenty take."""

import json
import statistics
import time
from urllib.parse import urlencode

from tests.benchmarks.measure import Result
from tests.benchmarks.pages import Side, choose_words

GOAL = 50
REQUESTS, WARM = 120, 10


def run(arguments: list[str]) -> list[Result]:
    """`arguments`: what `Side.at` takes, as JSON."""
    given = json.loads(arguments[0])
    words = choose_words(given["database"], "missioncontrol_memory")
    side = Side.at(**given, words=words)
    asked = {
        "a frequent word": {"q": words["frequent"]},
        "a word of one in a hundred": {"q": words["usual"]},
        "a rare word": {"q": "k777"},  # the beginning of one key
        "two words": {"q": f"{words['frequent']} {words['usual']}"},
        "a frequent word, one kind": {"q": words["frequent"], "kind": "lesson"},
        "no words": {},
    }
    return [recall(side, name, query) for name, query in asked.items()]


def recall(side: Side, name: str, query: dict[str, str]) -> Result:
    times = []
    for _ in range(WARM + REQUESTS):
        begin = time.perf_counter()
        side.api("GET", f"/hivemind/memories?{urlencode(query)}")
        times.append((time.perf_counter() - begin) * 1000)
    cuts = statistics.quantiles(times[WARM:], n=20)
    detail = f"half within {cuts[9]:.1f} ms, the slowest {max(times[WARM:]):.1f}; {REQUESTS} requests, one at a time"
    return Result(f"recall by {name}, 95 of 100", cuts[18], GOAL, detail, unit="ms", at_most=True)
