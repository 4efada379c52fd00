"""SIGKILL at ten points, each followed by another run, equals one clean run."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F, Model

from alai.kernel.models import ImportReject, ImportRow
from missioncontrol.models import Comment, Dependency, Evidence, Task, TaskEvent
from tests.importing.ledgers import load, realistic

pytestmark = pytest.mark.django_db(transaction=True)
POINTS = 10
TASKS = 400
STAMPS = {"at", "xid"}  # of the runs themselves
COUNTED = "SELECT (SELECT count(*) FROM kernel_importrow) + (SELECT count(*) FROM kernel_importreject)"


def contents() -> dict[str, list[Any]]:
    """Every table that an import fills, but for drawn ids and the times of the runs."""
    found: dict[str, list[Any]] = {}
    models: list[tuple[type[Model], set[str]]] = [
        (Task, {"created_at", "updated_at", "legacy"}),  # where nobody knew them, the time of the run
        (Comment, {"created_at", "legacy"}),
        (Dependency, {"id"}),
        (Evidence, {"id", "created_at"}),
        (TaskEvent, {"id", *STAMPS}),
        (ImportReject, {"id", "at"}),
        (ImportRow, {"target_id", "target_hash", "settled_hash"}),
    ]
    for model, left_out in models:
        rows = model._default_manager.values(
            *(f.name for f in model._meta.concrete_fields if f.name not in left_out)
        )
        found[model.__name__] = sorted(re.sub(r"<memory at \w+>", "bytes", repr(row)) for row in rows)
    return found


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_task, missioncontrol_taskevent, "
            "kernel_importrow, kernel_importreject, kernel_legacyrow RESTART IDENTITY CASCADE"
        )


def start(path: Path) -> subprocess.Popen[bytes]:
    database = settings.DATABASES["default"]
    address = re.sub(r"/[^/?]+(\?|$)", rf"/{database['NAME']}\1", os.environ["DATABASE_URL"])
    arguments = [sys.executable, "manage.py", "import_sqlite", str(path), "--batch", "50"]
    return subprocess.Popen(
        arguments, env={**os.environ, "DATABASE_URL": address}, cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
        count: int = cursor.fetchone()[0]
    return count


def kill_at(path: Path, threshold: int, delay: float) -> int:
    """Kill the import a moment after it has committed so many rows; answer how many it left."""
    process = start(path)
    deadline = time.monotonic() + 30
    while process.poll() is None and rows() < threshold and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return rows()


@pytest.mark.timeout(240)
def test_killed_at_ten_points_and_run_again_equals_one_clean_run(tmp_path: Path) -> None:
    path = realistic(tmp_path / "mission-control.db", TASKS)
    load(path)
    clean, total = contents(), rows()
    empty()
    left = [kill_at(path, 1 + point * total // (POINTS + 1), point * 0.0007) for point in range(POINTS)]
    assert left == sorted(left), "a later run went on where the earlier one stopped"
    assert len(set(left)) >= POINTS // 2
    assert left[0] < total
    last = start(path)
    output, _ = last.communicate(timeout=60)
    assert last.returncode == 0, output
    killed = contents()
    for table, expected in clean.items():
        assert killed[table] == expected, table
    assert not Task.objects.filter(pk=F("parent_id")).exists()
