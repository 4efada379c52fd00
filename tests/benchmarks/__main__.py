"""`make bench`: ratios within one run, against their goals.

Nothing here is a pass or a fail: the exit status is 0 unless a benchmark breaks.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from tests.benchmarks.measure import Result
from tests.chaos.place import Place, throw_away

Options = argparse.Namespace
Benchmark = Callable[[Place, Options], list[Result]]
PATIENCE = 3600.0


def simple(name: str) -> Benchmark:
    """A benchmark that needs the database alone."""
    return lambda place, options: measured(place, name)


def over_http(name: str) -> Benchmark:
    """One that needs the web server too."""

    def run(place: Place, options: Options) -> list[Result]:
        with place.web() as port:
            return measured(place, name, str(port))

    return run


def pages(large: Place, options: Options) -> list[Result]:
    """A large ledger beside a small one, each with servers of its own."""
    with throw_away() as small:
        sides = [_filled(large, tasks=options.tasks), _filled(small, tasks=options.against)]
        with large.web() as port, small.web() as other_port:
            given = [
                json.dumps({**side, "port": at}) for side, at in zip(sides, (port, other_port), strict=True)
            ]
            return measured(large, "pages", *given, options.paths)


def memories(place: Place, options: Options) -> list[Result]:
    side = _filled(place, tasks=1_000, memories=options.memories)
    with place.web() as port:
        return measured(place, "memories", json.dumps({**side, "port": port}))


def _filled(place: Place, *, tasks: int, memories: int = 0) -> dict[str, str]:
    """A ledger of that size, and who may look at it."""
    password = place.environment["ADMIN_PASSWORD"] = secrets.token_urlsafe(12)
    place.manage("generate_sample", f"--tasks={tasks}", f"--memories={memories}", patience=PATIENCE)
    place.manage("bootstrap")
    token = place.manage("create_token", "--agent", "john", "--scope", "admin")
    return {"database": place.database, "token": token, "password": password}


BENCHMARKS: dict[str, Benchmark] = {
    "claims": simple("claims"),
    "http": over_http("http"),
    "cold": over_http("cold"),
    "fanout": over_http("fanout"),
    "queue": simple("queue"),
    "importing": simple("importing"),
    "fetch": simple("fetch"),
    "triage": simple("triage"),
    "memories": memories,
    "pages": pages,
}
LONG = ("pages",)  # ten minutes and more


def measured(place: Place, name: str, *arguments: str) -> list[Result]:
    """Run one benchmark in its own process."""
    child = place.python("tests.benchmarks.child", name, *arguments, stdout=subprocess.PIPE)
    output, _ = child.communicate(timeout=PATIENCE)
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
    parser.add_argument(
        "--only", choices=BENCHMARKS, action="append", help="may be repeated; pages run only so"
    )
    parser.add_argument("--tasks", type=int, default=1_000_000, help="of the large ledger of `pages`")
    parser.add_argument("--against", type=int, default=10_000, help="tasks of the small one")
    parser.add_argument("--paths", default="", help="a pattern: of `pages`, those whose name fits")
    parser.add_argument("--memories", type=int, default=200_000, help="of the ledger of `memories`")
    options = parser.parse_args()
    if not options.json:
        busy = f"{os.getloadavg()[0]:.1f} programs wanted them in the last minute"
        print(f"{os.cpu_count()} processors; {busy}. Latencies mean something on an idle machine alone.")
    results: list[Result] = []
    for name in options.only or [name for name in BENCHMARKS if name not in LONG]:
        with throw_away() as place:
            found = BENCHMARKS[name](place, options)
        results += found
        if not options.json:
            print(table(found), flush=True)
    if options.json:
        print(json.dumps([{**asdict(result), "met": result.met} for result in results], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
