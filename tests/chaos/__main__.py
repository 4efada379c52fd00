"""`make soak`: the long runs. `python -m tests.chaos --seconds 60`

Each part gets its share of the seconds, on throw-away servers that all of them use one after the other.
Exit status 1 when a promise was broken.
"""

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Callable

from tests.chaos import fetching
from tests.chaos.conductor import MUTANTS, Run, Verdict, perform
from tests.chaos.incidents import IncidentRun, perform_incidents
from tests.chaos.mail import MailRun, perform_mail
from tests.chaos.place import Place, throw_away
from tests.inbox.mail import fuzz
from tests.infra import street

AT_LENGTH = (
    "tests/inbox/test_injection.py",
    "tests/infra/test_slo_arithmetic.py",
    "tests/api/test_openapi.py",
    "tests/inbox/imap/test_connection.py",
    "tests/inbox/test_corpus.py",
)

Part = Callable[[Place, float], bool]  # whether all was well


def over_sql(place: Place, seconds: float) -> bool:
    """32 clients with a connection each; PostgreSQL is killed every ten seconds."""
    return _report(perform(place, Run(seconds=seconds, crash=min(10, seconds / 2))))


def crowded(place: Place, seconds: float) -> bool:
    """32 clients around two tasks, with hardly a pause."""
    return _report(perform(place, Run(seconds=seconds, tasks=2, ttl=0.15, pause=0.005)))


def over_http(place: Place, seconds: float) -> bool:
    """32 clients of the REST API, its server as in production; PostgreSQL is killed every ten seconds."""
    with place.web() as port:
        run = Run(seconds=seconds, port=port, ttl=60, pause=0.1, crash=min(10, seconds / 2))
        return _report(perform(place, run))


def mutants(place: Place, seconds: float) -> bool:
    """The checks still catch what is wrong on purpose."""
    caught = {name: _caught(place, name, seconds / len(MUTANTS)) for name in MUTANTS}
    return all(caught.values())


def _caught(place: Place, name: str, seconds: float) -> bool:
    """Long enough for a crash, and longer when the race was not met: that is chance, not a promise."""
    for attempt in (max(1.5, seconds), 6, 6):
        verdict = perform(place, Run.of_mutant(name, attempt))
        print(f"  {name}: {verdict}", flush=True)
        if verdict.violations:
            return True
    return False


def mail(_place: Place, seconds: float) -> bool:
    """Mutated messages: whatever the bytes, no exception, no long time, nothing that cannot be stored."""
    seed = secrets.randbelow(1_000_000)
    report = fuzz.run(seconds, seed)
    print(f"  {report.count} messages of seed {seed}, the slowest took {report.slowest:.2f} s", flush=True)
    for problem in report.broken:
        print(f"  BROKEN: {problem}", flush=True)
    return not report.broken


def mail_under_fire(place: Place, seconds: float) -> bool:
    """500 messages, however long they take (a few in a short soak): web, worker, Valkey and PostgreSQL are killed."""
    whole = seconds >= 5
    run = MailRun(
        messages=500 if whole else 24,
        kills=40 if whole else 4,
        pause=3.0 if whole else 0.5,
        silences=5 if whole else 0,
    )
    verdict = perform_mail(place, run)
    print(f"  {verdict}", flush=True)
    for sentence in verdict.broken[:20]:
        print(f"  BROKEN: {sentence}", flush=True)
    return not verdict.broken


def incidents_under_fire(place: Place, seconds: float) -> bool:
    """1,000 incidents, however long they take (a few in a short soak): worker, sender and PostgreSQL are killed."""
    whole = seconds >= 5
    run = IncidentRun(
        incidents=1_000 if whole else 40, spread=1_800 if whole else 60, kills=40 if whole else 4
    )
    verdict = perform_incidents(place, run)
    print(f"  {verdict}", flush=True)
    for sentence in verdict.broken[:20]:
        print(f"  BROKEN: {sentence}", flush=True)
    return not verdict.broken


def servers(_place: Place, seconds: float) -> bool:
    """200 servers of every behaviour; 100,000 looks at the healthy ones (fewer in a short soak)."""
    return street.told(100_000 if seconds >= 5 else 2_000)


def at_length(_place: Place, seconds: float) -> bool:
    """What `make test` tries at random or by the thousand, tenfold (10,000 histories of objectives, 50 examples
    of each request, every file of the mail); a short soak leaves it to `make test`."""
    if seconds < 5:
        print("  as in make test", flush=True)
        return True
    command = [sys.executable, "-m", "pytest", "-n", "0", "--timeout", "1800", *AT_LENGTH]
    return subprocess.run(command, env={**os.environ, "LENGTH": "10"}, check=False).returncode == 0


# (name, run, share of the time)
PARTS: list[tuple[str, Part, float]] = [
    ("leases over SQL", over_sql, 0.1),
    ("leases in a crowd", crowded, 0.1),
    ("leases over HTTP", over_http, 0.1),
    ("mutants of the leases", mutants, 0.1),
    ("mail under fire", mail_under_fire, 0.1),
    ("mutants of mail", mail, 0.1),
    ("fetching mail", fetching.told, 0.2),
    ("incidents under fire", incidents_under_fire, 0.1),
    ("two hundred servers", servers, 0.1),
    ("the tests at length", at_length, 0.1),
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60, help="of all parts together, without their set-up"
    )
    seconds: float = parser.parse_args().seconds
    well = True
    with throw_away() as place:
        for name, part, share in PARTS:
            print(name, flush=True)
            well &= part(place, max(2.0, seconds * share))
    print("all promises kept" if well else "PROMISES BROKEN")
    return 0 if well else 1


def _report(verdict: Verdict) -> bool:
    print(f"  {verdict}", flush=True)
    for violation in verdict.violations[:20]:
        print(f"  BROKEN: {violation.promise}: {violation.evidence}", flush=True)
    return not verdict.violations


if __name__ == "__main__":
    sys.exit(main())
