"""What keeps a large ledger as quick as a small one: tallies instead of counting, words that know their task's age,
and indexes for what the pages ask."""

from django.db import migrations, models

# Each task counts once among its team and status, once for when it was created, and where it applies for when it was
# done and when it is due. Statement triggers add up what was inserted or deleted; an update that changes nothing of
# this (a lease prolonged) does not even call the function.
TALLIES = """
CREATE FUNCTION missioncontrol_moments(
    status text, created_at timestamptz, completed_at timestamptz, due_at timestamptz
) RETURNS TABLE (what text, at timestamptz) LANGUAGE sql IMMUTABLE AS $$
    SELECT what, date_bin(width, moment, '2000-01-01 00:00Z')
    FROM (VALUES ('created', interval '15 minutes', created_at),
                 ('done', interval '15 minutes', CASE WHEN status = 'done' THEN completed_at END),
                 ('due', interval '1 day', CASE WHEN status NOT IN ('done', 'cancelled') THEN due_at END)
    ) known (what, width, moment)
    WHERE moment IS NOT NULL
$$;

CREATE FUNCTION missioncontrol_tally_rows() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tally_insert AFTER INSERT ON missioncontrol_task REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_tally_rows();
CREATE TRIGGER tally_delete AFTER DELETE ON missioncontrol_task REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_tally_rows();

CREATE FUNCTION missioncontrol_tally_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tally_update AFTER UPDATE ON missioncontrol_task FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.team <> NEW.team OR OLD.created_at <> NEW.created_at
          OR OLD.completed_at IS DISTINCT FROM NEW.completed_at OR OLD.due_at IS DISTINCT FROM NEW.due_at)
    EXECUTE FUNCTION missioncontrol_tally_change();

CREATE FUNCTION missioncontrol_tally_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM missioncontrol_tasktally;  -- they may be truncated by the same statement, so not once more
    DELETE FROM missioncontrol_taskpace;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_truncate AFTER TRUNCATE ON missioncontrol_task
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_tally_nothing();

INSERT INTO missioncontrol_tasktally (team, status, n)
SELECT team, status, count(*) FROM missioncontrol_task GROUP BY team, status;
INSERT INTO missioncontrol_taskpace (what, at, n)
SELECT moment.what, moment.at, count(*)
FROM missioncontrol_task t, missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
GROUP BY moment.what, moment.at;
"""
UNDO_TALLIES = """
DROP TRIGGER tally_insert ON missioncontrol_task;
DROP TRIGGER tally_delete ON missioncontrol_task;
DROP TRIGGER tally_update ON missioncontrol_task;
DROP TRIGGER tally_truncate ON missioncontrol_task;
DROP FUNCTION missioncontrol_tally_nothing, missioncontrol_tally_change, missioncontrol_tally_rows;
DROP FUNCTION missioncontrol_moments;
"""

# An index of words gives matches in no order. So each task carries words for the stretches of ids that it lies in,
# short ones and long ones: a search asks for the newest stretch first, and need not look at all matches of a frequent
# word (`missioncontrol.search`). No text contains these words: the blank in them parts words.
STRETCHES = """
CREATE FUNCTION missioncontrol_stretches(task_id bigint) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_to_tsvector(ARRAY['10 ' || (task_id >> 10), '12 ' || (task_id >> 12), '14 ' || (task_id >> 14),
                                   '16 ' || (task_id >> 16), '18 ' || (task_id >> 18), '20 ' || (task_id >> 20)])
$$;
CREATE OR REPLACE FUNCTION missioncontrol_index_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A tsvector holds 1 MB; the first 200,000 characters of a description are plenty to find it by.
    INSERT INTO missioncontrol_tasksearch (task_id, vector)
    VALUES (NEW.id, setweight(to_tsvector('mission_control', NEW.title), 'A')
                    || setweight(to_tsvector('mission_control', left(NEW.description, 200000)), 'B')
                    || missioncontrol_stretches(NEW.id))
    ON CONFLICT (task_id) DO UPDATE SET vector = EXCLUDED.vector;
    RETURN NULL;
END $$;
DROP INDEX task_search_vector;
UPDATE missioncontrol_tasksearch SET vector = vector || missioncontrol_stretches(task_id);
CREATE INDEX task_search_vector ON missioncontrol_tasksearch USING gin (vector);
"""
UNDO_STRETCHES = """
CREATE OR REPLACE FUNCTION missioncontrol_index_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO missioncontrol_tasksearch (task_id, vector)
    VALUES (NEW.id, setweight(to_tsvector('mission_control', NEW.title), 'A')
                    || setweight(to_tsvector('mission_control', left(NEW.description, 200000)), 'B'))
    ON CONFLICT (task_id) DO UPDATE SET vector = EXCLUDED.vector;
    RETURN NULL;
END $$;
UPDATE missioncontrol_tasksearch SET vector = ts_delete(vector, tsvector_to_array(missioncontrol_stretches(task_id)));
DROP FUNCTION missioncontrol_stretches;
"""

# By default a table is tidied when a fifth of it has changed: of a million tasks that is months, in which claims would
# step over dead entries of the index. What is appended to and added up again is tidied at once.
TIDYING = """
ALTER TABLE missioncontrol_task SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE missioncontrol_tasksearch SET (autovacuum_vacuum_insert_scale_factor = 0.01);
ALTER TABLE missioncontrol_taskevent SET (autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE missioncontrol_tasktally SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE missioncontrol_taskpace SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
"""
UNDO_TIDYING = """
ALTER TABLE missioncontrol_task RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE missioncontrol_tasksearch RESET (autovacuum_vacuum_insert_scale_factor);
ALTER TABLE missioncontrol_taskevent RESET (autovacuum_vacuum_insert_scale_factor);
ALTER TABLE missioncontrol_tasktally RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE missioncontrol_taskpace RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('missioncontrol', '0005_saved_views'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaskPace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('created', 'Created'), ('done', 'Done'), ('due', 'Due')], max_length=8)),
                ('at', models.DateTimeField()),
                ('n', models.BigIntegerField()),
            ],
            options={
                'db_table_comment': 'derived: kept by triggers of the tasks',
            },
        ),
        migrations.CreateModel(
            name='TaskTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('team', models.CharField(max_length=100)),
                ('status', models.CharField(max_length=12)),
                ('n', models.BigIntegerField()),
            ],
            options={
                'db_table_comment': 'derived: kept by triggers of the tasks',
            },
        ),
        migrations.AlterModelTableComment(
            name='tasksearch',
            table_comment='derived: kept by a trigger of the tasks',
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.F('team'), models.OrderBy(models.F('priority'), descending=True), models.OrderBy(models.F('due_at'), nulls_last=True), models.F('created_at'), models.F('id'), condition=models.Q(('status__in', ['open', 'in_progress'])), name='task_next_of_team'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.OrderBy(models.F('priority'), descending=True), models.F('due_at'), condition=models.Q(('due_at__isnull', False), ('priority__gte', 2), ('status__in', ('open', 'in_progress', 'paused', 'blocked'))), name='task_pressing'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.F('status'), models.OrderBy(models.F('priority'), descending=True), models.F('updated_at'), condition=models.Q(('status__in', ['ready', 'blocked'])), name='task_waiting'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('status__in', ('done', 'cancelled')), _negated=True), fields=['-id'], name='task_not_closed'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['created_at'], name='task_oldest_open'),
        ),
        migrations.AddIndex(
            model_name='taskpace',
            index=models.Index(fields=['what', 'at'], include=('n',), name='pace_what_at'),
        ),
        migrations.AddIndex(
            model_name='taskevent',
            index=models.Index(condition=models.Q(('kind', 'lease_expired')), fields=['at'], name='event_expired'),
        ),
        migrations.AddIndex(
            model_name='taskevent',
            index=models.Index(condition=models.Q(('kind__in', ('created', 'edited', 'commented', 'evidence_added', 'claimed', 'lease_refreshed', 'lease_extended', 'lease_released', 'ready', 'done')), _negated=True), fields=['kind', '-id'], name='event_rare_kind'),
        ),
        migrations.RunSQL(TALLIES, UNDO_TALLIES),
        migrations.RunSQL(STRETCHES, UNDO_STRETCHES),
        migrations.RunSQL(TIDYING, UNDO_TIDYING),
    ]
