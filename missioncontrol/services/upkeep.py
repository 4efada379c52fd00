"""Upkeep of the tallies (`missioncontrol.tally`), which is no write of anybody's: adding up, and proving them right."""

from django.db import connection

from alai.kernel import audit
from missioncontrol.models import CostTally, TaskPace, TaskTally, TeamPace
from missioncontrol.services.common import TASK_TABLE

NEWEST, ALL = 2_000, 2**62
# What several rows say of one thing, one row says as well. It is looked for among the newest rows: what was added up
# before is alone until something is appended to it. Rows that another transaction has not committed yet, or is folding
# just now, stay for the next time; whoever reads sees the same sums before and after.
FOLD = """
WITH appended AS (
    SELECT DISTINCT {columns} FROM {table} WHERE id > (SELECT max(id) FROM {table}) - %(newest)s
), taken AS (
    DELETE FROM {table} WHERE id IN (
        SELECT id FROM {table} WHERE ({columns}) IN (
            SELECT {columns} FROM {table} JOIN appended USING ({columns}) GROUP BY {columns} HAVING count(*) > 1)
        FOR UPDATE SKIP LOCKED)
    RETURNING {columns}, {values}
), added AS (
    INSERT INTO {table} ({columns}, {values})
    SELECT {columns}, {sums} FROM taken GROUP BY {columns} HAVING ({sums}) <> ({nothing})
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
    TeamPace: """
        INSERT INTO missioncontrol_teampace (team, what, at, n)
        SELECT team, what, at, sum(n) FROM (
            SELECT t.team, moment.what, date_bin('1 hour', moment.at, '2000-01-01 00:00Z') AS at, 1 AS n
            FROM missioncontrol_task t,
                missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
            UNION ALL SELECT team, what, at, -n FROM missioncontrol_teampace
        ) compared GROUP BY team, what, at HAVING sum(n) <> 0 RETURNING team, what, at, n
    """,
    CostTally: """
        INSERT INTO missioncontrol_costtally (team, at, amount_usd, n)
        SELECT team, at, sum(amount_usd), sum(n) FROM (
            SELECT task.team, date_bin('1 day', entry.at, '2000-01-01 00:00Z') AS at, entry.amount_usd, 1 AS n
            FROM missioncontrol_costentry entry JOIN missioncontrol_task task ON task.id = entry.task_id
            UNION ALL SELECT team, at, -amount_usd, -n FROM missioncontrol_costtally
        ) compared GROUP BY team, at HAVING sum(n) <> 0 OR sum(amount_usd) <> 0 RETURNING team, at, amount_usd, n
    """,
}
# What a row is of, and what it says.
COLUMNS = {
    TaskTally: ("team, status", ["n"]),
    TaskPace: ("what, at", ["n"]),
    TeamPace: ("team, what, at", ["n"]),
    CostTally: ("team, at", ["amount_usd", "n"]),
}


def fold_tallies(newest: int = NEWEST) -> int:
    """Add up what was appended lately, in so many rows of a table; how many rows became fewer."""
    folded = 0
    with connection.cursor() as cursor:
        for model, (columns, values) in COLUMNS.items():
            sums, nothing = ", ".join(f"sum({value})" for value in values), ", ".join("0" for _ in values)
            table, said = model._meta.db_table, ", ".join(values)
            sql = FOLD.format(table=table, columns=columns, values=said, sums=sums, nothing=nothing)
            cursor.execute(sql, {"newest": newest})
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
