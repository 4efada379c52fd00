"""Upkeep of the tallies (`missioncontrol.tally`), which is no write of anybody's: adding up, and proving them right."""

from django.db import connection

from alai.kernel import audit
from missioncontrol.models import TaskPace, TaskTally
from missioncontrol.services.common import TASK_TABLE

# What several rows say of one thing, one row says as well. Rows that another transaction has not committed yet, or is
# folding just now, stay for the next time; whoever reads sees the same sums before and after.
FOLD = """
WITH taken AS (
    DELETE FROM {table} WHERE id IN (
        SELECT id FROM {table} WHERE ({columns}) IN (
            SELECT {columns} FROM {table} GROUP BY {columns} HAVING count(*) > 1)
        FOR UPDATE SKIP LOCKED)
    RETURNING {columns}, n
), added AS (
    INSERT INTO {table} ({columns}, n)
    SELECT {columns}, sum(n) FROM taken GROUP BY {columns} HAVING sum(n) <> 0
)
SELECT count(*) FROM taken
"""
# The difference in one snapshot is right whatever is written meanwhile, for that adds its own difference.
CORRECT = {
    TaskTally: """
        INSERT INTO missioncontrol_tasktally (team, status, n)
        SELECT team, status, sum(n) FROM (
            SELECT team, status, 1 AS n FROM missioncontrol_task
            UNION ALL SELECT team, status, -n FROM missioncontrol_tasktally
        ) compared GROUP BY team, status HAVING sum(n) <> 0 RETURNING team, status, n
    """,
    TaskPace: """
        INSERT INTO missioncontrol_taskpace (what, at, n)
        SELECT what, at, sum(n) FROM (
            SELECT moment.what, moment.at, 1 AS n FROM missioncontrol_task t,
                missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
            UNION ALL SELECT what, at, -n FROM missioncontrol_taskpace
        ) compared GROUP BY what, at HAVING sum(n) <> 0 RETURNING what, at, n
    """,
}
COLUMNS = {TaskTally: "team, status", TaskPace: "what, at"}


def fold_tallies() -> int:
    """Add up what was appended since; how many rows became fewer."""
    folded = 0
    with connection.cursor() as cursor:
        for model, columns in COLUMNS.items():
            cursor.execute(FOLD.format(table=model._meta.db_table, columns=columns))
            folded += (cursor.fetchone() or (0,))[0]
    return folded


def check_tallies() -> int:
    """Count every task, and correct the tallies where they differ: how many figures were wrong.

    They cannot be wrong unless somebody wrote with the triggers switched off; that is put on record.
    """
    wrong = 0
    for model, sql in CORRECT.items():
        with audit.writing(), connection.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall()
            if rows:
                shown = [[str(value) for value in row] for row in rows[:50]]
                table = model._meta.db_table
                audit.record(
                    action="tally-corrected", target_type=TASK_TABLE, target_id="", tally=table, by=shown
                )
        wrong += len(rows)
    return wrong
