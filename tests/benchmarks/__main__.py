"""`make bench`: ratios within one run, against their goals.

Nothing here is a pass or a fail: the exit status is 0 unless a benchmark breaks.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from tests.benchmarks.measure import Result
from tests.chaos.place import Place, throw_away


def simple(name: str) -> Callable[[Place], list[Result]]:
    """A benchmark that needs the database alone."""
    return lambda place: measured(place, name)


def over_http(name: str) -> Callable[[Place], list[Result]]:
    """One that needs the web server too."""

    def run(place: Place) -> list[Result]:
        with place.web() as port:
            return measured(place, name, str(port))

    return run


BENCHMARKS: dict[str, Callable[[Place], list[Result]]] = {
    "claims": simple("claims"),
    "http": over_http("http"),
    "cold": over_http("cold"),
    "fanout": over_http("fanout"),
    "queue": simple("queue"),
    "importing": simple("importing"),
    "fetch": simple("fetch"),
    "triage": simple("triage"),
    "watch": simple("watch"),
}


def measured(place: Place, name: str, *arguments: str) -> list[Result]:
    """Run one benchmark in its own process."""
    child = place.python("tests.benchmarks.child", name, *arguments, stdout=subprocess.PIPE)
    output, _ = child.communicate(timeout=600)
    if child.returncode:
        raise SystemExit(f"error: the benchmark {name} broke; what it wrote above says why")
    return [Result(**fields) for fields in json.loads(output.splitlines()[-1])]


def table(results: list[Result]) -> str:
    """A goal a line, and beneath it where the figure comes from."""
    lines = []
    for result in results:
        goal = f"{'<=' if result.at_most else '>='} {result.goal:g}{result.unit and ' ' + result.unit}"
        value = f"{result.value:.2f}{result.unit and ' ' + result.unit}"
        lines.append(f"{'met   ' if result.met else 'MISSED'}  {value:>9}  (goal {goal})  {result.name}")
        lines.append(f"        {result.detail}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="may be repeated")
    options = parser.parse_args()
    if not options.json:
        busy = f"{os.getloadavg()[0]:.1f} programs wanted them in the last minute"
        print(f"{os.cpu_count()} processors; {busy}. Latencies mean something on an idle machine alone.")
    results: list[Result] = []
    for name in options.only or BENCHMARKS:
        with throw_away() as place:
            found = BENCHMARKS[name](place)
        results += found
        if not options.json:
            print(table(found), flush=True)
    if options.json:
        print(json.dumps([{**asdict(result), "met": result.met} for result in results], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
