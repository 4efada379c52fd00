"""What the watch's worker does, one tick at a time on a clock that is told to it, so that hours pass in minutes.

python -m tests.chaos.incident_worker stage       loads the registry and prints the ids of so many checks
python -m tests.chaos.incident_worker ticks       answers each line `ISO time` with `done`, or `failed` and its error
python -m tests.chaos.incident_worker deliver     sends what waits in the outbox, for ever
"""

import sys
import time
from datetime import datetime

import django

django.setup()

from django.db import DatabaseError, connection  # noqa: E402

from alai.kernel import notifications  # noqa: E402
from infra import services  # noqa: E402
from infra.models import AlertRule, Check  # noqa: E402
from tests.infra.conftest import load_facts  # noqa: E402


def stage(count: int) -> None:
    load_facts()
    rule = AlertRule.objects.get(slug="ServiceDown")
    checks = Check.objects.bulk_create(
        Check(slug=f"c{n}", kind="tcp", settings={"host": "192.0.2.1", "port": 1}, rule=rule, enabled=False)
        for n in range(count)
    )
    print(",".join(str(check.pk) for check in checks), flush=True)


def ticks() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        now = datetime.fromisoformat(line.strip())
        try:
            services.deal_with_edges(now=now)
            services.escalate(now=now)
            services.remind(now=now)
            services.revive_stalled(now=now)
            print("done", flush=True)
        except DatabaseError as error:
            connection.close()
            print(f"failed {type(error).__name__}", flush=True)


def deliver() -> None:
    while True:
        try:
            notifications.deliver(seconds=1.0)
        except DatabaseError:
            connection.close()
        time.sleep(0.1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["stage", number]:
            stage(int(number))
        case ["ticks"]:
            ticks()
        case ["deliver"]:
            deliver()
