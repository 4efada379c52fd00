"""Costs and cancelled tasks are tallied too, and a change of a task is tallied with less work."""

from django.db import migrations, models

# What a task counts for in time. A cancelled one counts once more, for when it was.
MOMENTS = """
CREATE OR REPLACE FUNCTION missioncontrol_moments(
    status text, created_at timestamptz, completed_at timestamptz, due_at timestamptz
) RETURNS TABLE (what text, at timestamptz) LANGUAGE sql IMMUTABLE AS $$
    SELECT what, date_bin(width, moment, '2000-01-01 00:00Z')
    FROM (VALUES ('created', interval '15 minutes', created_at),
                 ('done', interval '15 minutes', CASE WHEN status = 'done' THEN completed_at END),
                 ('cancelled', interval '15 minutes', CASE WHEN status = 'cancelled' THEN completed_at END),
                 ('due', interval '1 day', CASE WHEN status NOT IN ('done', 'cancelled') THEN due_at END)
    ) known (what, width, moment)
    WHERE moment IS NOT NULL
$$;
INSERT INTO missioncontrol_taskpace (what, at, n)
SELECT 'cancelled', date_bin('15 minutes', completed_at, '2000-01-01 00:00Z'), count(*)
FROM missioncontrol_task WHERE status = 'cancelled' AND completed_at IS NOT NULL GROUP BY 2;
"""
UNDO_MOMENTS = """
DELETE FROM missioncontrol_taskpace WHERE what = 'cancelled';
CREATE OR REPLACE FUNCTION missioncontrol_moments(
    status text, created_at timestamptz, completed_at timestamptz, due_at timestamptz
) RETURNS TABLE (what text, at timestamptz) LANGUAGE sql IMMUTABLE AS $$
    SELECT what, date_bin(width, moment, '2000-01-01 00:00Z')
    FROM (VALUES ('created', interval '15 minutes', created_at),
                 ('done', interval '15 minutes', CASE WHEN status = 'done' THEN completed_at END),
                 ('due', interval '1 day', CASE WHEN status NOT IN ('done', 'cancelled') THEN due_at END)
    ) known (what, width, moment)
    WHERE moment IS NOT NULL
$$;
"""

# A claim moves a task from one status to another and no moment of it; then no moment is looked at. The costs of a
# task follow it to another team.
CHANGE = """
CREATE OR REPLACE FUNCTION missioncontrol_tally_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was_done timestamptz := CASE WHEN OLD.status = 'done' THEN OLD.completed_at END;
    is_done timestamptz := CASE WHEN NEW.status = 'done' THEN NEW.completed_at END;
    was_cancelled timestamptz := CASE WHEN OLD.status = 'cancelled' THEN OLD.completed_at END;
    is_cancelled timestamptz := CASE WHEN NEW.status = 'cancelled' THEN NEW.completed_at END;
    was_due timestamptz := CASE WHEN OLD.status NOT IN ('done', 'cancelled') THEN OLD.due_at END;
    is_due timestamptz := CASE WHEN NEW.status NOT IN ('done', 'cancelled') THEN NEW.due_at END;
BEGIN
    IF OLD.status <> NEW.status OR OLD.team <> NEW.team THEN
        INSERT INTO missioncontrol_tasktally (team, status, n)
        VALUES (OLD.team, OLD.status, -1), (NEW.team, NEW.status, 1);
    END IF;
    IF was_done IS DISTINCT FROM is_done OR was_cancelled IS DISTINCT FROM is_cancelled
       OR was_due IS DISTINCT FROM is_due OR OLD.created_at <> NEW.created_at THEN
        INSERT INTO missioncontrol_taskpace (what, at, n)
        SELECT what, date_bin(width, moment, '2000-01-01 00:00Z'), n
        FROM (VALUES ('created', interval '15 minutes', OLD.created_at, NEW.created_at),
                     ('done', '15 minutes', was_done, is_done),
                     ('cancelled', '15 minutes', was_cancelled, is_cancelled),
                     ('due', '1 day', was_due, is_due)
        ) changed (what, width, before, after),
        LATERAL (VALUES (before, -1), (after, 1)) counted (moment, n)
        WHERE before IS DISTINCT FROM after AND moment IS NOT NULL;
    END IF;
    IF OLD.team <> NEW.team THEN
        INSERT INTO missioncontrol_costtally (team, at, amount_usd, n)
        SELECT moved.team, spent.at, moved.sign * spent.amount_usd, moved.sign * spent.n
        FROM (VALUES (OLD.team, -1), (NEW.team, 1)) moved (team, sign), missioncontrol_spent(NEW.id) spent;
    END IF;
    RETURN NULL;
END $$;
"""
UNDO_CHANGE = """
CREATE OR REPLACE FUNCTION missioncontrol_tally_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status OR OLD.team <> NEW.team THEN
        INSERT INTO missioncontrol_tasktally (team, status, n)
        VALUES (OLD.team, OLD.status, -1), (NEW.team, NEW.status, 1);
    END IF;
    IF OLD.created_at <> NEW.created_at OR OLD.completed_at IS DISTINCT FROM NEW.completed_at
       OR OLD.due_at IS DISTINCT FROM NEW.due_at
       OR (OLD.status IN ('done', 'cancelled') OR NEW.status IN ('done', 'cancelled')) AND OLD.status <> NEW.status THEN
        INSERT INTO missioncontrol_taskpace (what, at, n)
        SELECT what, at, sum(n) FROM (
            SELECT *, -1 AS n FROM missioncontrol_moments(OLD.status, OLD.created_at, OLD.completed_at, OLD.due_at)
            UNION ALL
            SELECT *, 1 FROM missioncontrol_moments(NEW.status, NEW.created_at, NEW.completed_at, NEW.due_at)
        ) both_of_them GROUP BY what, at HAVING sum(n) <> 0;
    END IF;
    RETURN NULL;
END $$;
"""

# An entry counts for its task's team, from the moment at which both are there: a backup brings entries before tasks.
# An entry locks its task as the service does, so that the team cannot change beside it. One look-up by index a row
# (LATERAL), whatever the plan was made for.
COSTS = """
CREATE FUNCTION missioncontrol_spent(task bigint)
RETURNS TABLE (at timestamptz, amount_usd numeric, n bigint) LANGUAGE sql STABLE AS $$
    SELECT date_bin('1 day', entry.at, '2000-01-01 00:00Z'), sum(entry.amount_usd), count(*)
    FROM missioncontrol_costentry entry WHERE entry.task_id = task GROUP BY 1
$$;

CREATE FUNCTION missioncontrol_tally_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO missioncontrol_costtally (team, at, amount_usd, n)
    SELECT task.team, date_bin('1 day', entry.at, '2000-01-01 00:00Z'), sign * sum(entry.amount_usd), sign * count(*)
    FROM written entry, LATERAL (
        SELECT team FROM missioncontrol_task WHERE id = entry.task_id FOR NO KEY UPDATE) task
    GROUP BY 1, 2;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_insert AFTER INSERT ON missioncontrol_costentry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_tally_entries();
CREATE TRIGGER tally_delete AFTER DELETE ON missioncontrol_costentry REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_tally_entries();

CREATE OR REPLACE FUNCTION missioncontrol_tally_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO missioncontrol_tasktally (team, status, n)
    SELECT team, status, sign * count(*) FROM written GROUP BY team, status;
    INSERT INTO missioncontrol_taskpace (what, at, n)
    SELECT moment.what, moment.at, sign * count(*)
    FROM written t, missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
    GROUP BY moment.what, moment.at;
    INSERT INTO missioncontrol_costtally (team, at, amount_usd, n)
    SELECT t.team, spent.at, sign * sum(spent.amount_usd), sign * sum(spent.n)
    FROM written t, LATERAL (SELECT * FROM missioncontrol_spent(t.id) OFFSET 0) spent
    GROUP BY t.team, spent.at;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION missioncontrol_tally_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'missioncontrol_task' THEN
        DELETE FROM missioncontrol_tasktally;  -- they may be truncated by the same statement, so not once more
        DELETE FROM missioncontrol_taskpace;
    END IF;
    DELETE FROM missioncontrol_costtally;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_truncate AFTER TRUNCATE ON missioncontrol_costentry
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_tally_nothing();

INSERT INTO missioncontrol_costtally (team, at, amount_usd, n)
SELECT task.team, date_bin('1 day', entry.at, '2000-01-01 00:00Z'), sum(entry.amount_usd), count(*)
FROM missioncontrol_costentry entry JOIN missioncontrol_task task ON task.id = entry.task_id GROUP BY 1, 2;
ALTER TABLE missioncontrol_costtally SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
"""
UNDO_COSTS = """
DROP TRIGGER tally_insert ON missioncontrol_costentry;
DROP TRIGGER tally_delete ON missioncontrol_costentry;
DROP TRIGGER tally_truncate ON missioncontrol_costentry;
CREATE OR REPLACE FUNCTION missioncontrol_tally_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM missioncontrol_tasktally;  -- they may be truncated by the same statement, so not once more
    DELETE FROM missioncontrol_taskpace;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION missioncontrol_tally_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO missioncontrol_tasktally (team, status, n)
    SELECT team, status, sign * count(*) FROM written GROUP BY team, status;
    INSERT INTO missioncontrol_taskpace (what, at, n)
    SELECT moment.what, moment.at, sign * count(*)
    FROM written t, missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
    GROUP BY moment.what, moment.at;
    RETURN NULL;
END $$;
DROP FUNCTION missioncontrol_tally_entries;
DROP FUNCTION missioncontrol_spent;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('missioncontrol', '0006_scale'),
    ]

    operations = [
        migrations.AlterField(
            model_name='taskpace',
            name='what',
            field=models.CharField(choices=[('created', 'Created'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('due', 'Due')], max_length=12),
        ),
        migrations.CreateModel(
            name='CostTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('team', models.CharField(max_length=100)),
                ('at', models.DateTimeField()),
                ('amount_usd', models.DecimalField(decimal_places=4, max_digits=20)),
                ('n', models.BigIntegerField()),
            ],
            options={
                'db_table_comment': 'derived: kept by triggers of the tasks and their costs',
                'indexes': [models.Index(fields=['at'], include=('team', 'amount_usd', 'n'), name='cost_tally_at')],
            },
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('cost_usd__gt', 0)), fields=['cost_usd', 'id'], name='task_dearest'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('cost_usd__gt', 0)), fields=['team', 'cost_usd', 'id'], name='task_dearest_of_team'),
        ),
        migrations.RunSQL(MOMENTS, UNDO_MOMENTS),
        migrations.RunSQL(COSTS, UNDO_COSTS),
        migrations.RunSQL(CHANGE, UNDO_CHANGE),
    ]
