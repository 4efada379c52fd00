"""A cold `alai mc claim`, process start to exit, against a Python that starts and does nothing."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from tests.benchmarks import ledger
from tests.benchmarks.measure import Result, told

ALAI = Path(__file__).resolve().parents[2] / "bin" / "alai"
PAIRS, WARM = 150, 5


def run(arguments: list[str]) -> list[Result]:
    """`arguments`: the port of the web server. In turns, one of each; every claim is of another task."""
    token = issue_token(
        actor=Actor.objects.create(name="john", kind=Actor.Kind.AGENT), scopes=["tasks:write"]
    )[1]
    with ledger.connect(os.environ["DATABASE_URL"]) as connection, tempfile.TemporaryDirectory() as home:
        tasks = cycle(ledger.fill(connection, ready=9000, finished=0))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "ALAI_MC_URL": f"http://127.0.0.1:{arguments[0]}",
            "ALAI_TOKEN": token,
            "ALAI_ACTOR": "john",
            "ALAI_SESSION": "s1",
        }
        nothings, claims = [], []
        for _ in range(PAIRS + WARM):
            nothings.append(_time([sys.executable, "-c", "pass"], environment))
            claims.append(_time([sys.executable, str(ALAI), "mc", "claim", str(next(tasks))], environment))
    nothings, claims = nothings[WARM:], claims[WARM:]
    slow_nothing, slow_claim = _p95(nothings), _p95(claims)
    return [
        Result(
            "cold `alai mc claim` : `python3 -c pass`, 95 of 100", slow_claim / slow_nothing, 3,
            f"{slow_claim:.1f} ms against {slow_nothing:.1f} ms; medians {told(claims, 'ms')} against "
            f"{told(nothings, 'ms')}, {PAIRS} pairs", at_most=True,
        )
    ]  # fmt: skip


def _time(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]
