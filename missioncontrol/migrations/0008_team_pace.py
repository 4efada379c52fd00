"""What came and went is tallied by team too, so that the flow of one team and its figures are sums; how long tasks
took is found by indexes alone."""

from django.db import migrations, models

# Triggers of their own, beside those of all teams: a claim or a lease prolonged does not even call the function.
PACE = """
CREATE FUNCTION missioncontrol_team_pace_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO missioncontrol_teampace (team, what, at, n)
    SELECT t.team, moment.what, date_bin('1 hour', moment.at, '2000-01-01 00:00Z'), sign * count(*)
    FROM written t, missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
    GROUP BY 1, 2, 3;
    RETURN NULL;
END $$;
CREATE TRIGGER team_pace_insert AFTER INSERT ON missioncontrol_task REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_team_pace_rows();
CREATE TRIGGER team_pace_delete AFTER DELETE ON missioncontrol_task REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_team_pace_rows();

CREATE FUNCTION missioncontrol_team_pace_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO missioncontrol_teampace (team, what, at, n)
    SELECT team, what, date_bin('1 hour', at, '2000-01-01 00:00Z'), sum(n) FROM (
        SELECT OLD.team, was.*, -1 AS n
        FROM missioncontrol_moments(OLD.status, OLD.created_at, OLD.completed_at, OLD.due_at) was
        UNION ALL
        SELECT NEW.team, is_now.*, 1
        FROM missioncontrol_moments(NEW.status, NEW.created_at, NEW.completed_at, NEW.due_at) is_now
    ) both_of_them GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER team_pace_update AFTER UPDATE ON missioncontrol_task FOR EACH ROW
    WHEN (OLD.team <> NEW.team OR OLD.created_at <> NEW.created_at OR OLD.due_at IS DISTINCT FROM NEW.due_at
          OR OLD.completed_at IS DISTINCT FROM NEW.completed_at
          OR OLD.status <> NEW.status
             AND (OLD.status IN ('done', 'cancelled') OR NEW.status IN ('done', 'cancelled')))
    EXECUTE FUNCTION missioncontrol_team_pace_change();

CREATE FUNCTION missioncontrol_team_pace_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM missioncontrol_teampace;
    RETURN NULL;
END $$;
CREATE TRIGGER team_pace_truncate AFTER TRUNCATE ON missioncontrol_task
    FOR EACH STATEMENT EXECUTE FUNCTION missioncontrol_team_pace_nothing();

INSERT INTO missioncontrol_teampace (team, what, at, n)
SELECT t.team, moment.what, date_bin('1 hour', moment.at, '2000-01-01 00:00Z'), count(*)
FROM missioncontrol_task t, missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment
GROUP BY 1, 2, 3;
ALTER TABLE missioncontrol_teampace SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
"""
UNDO_PACE = """
DROP TRIGGER team_pace_insert ON missioncontrol_task;
DROP TRIGGER team_pace_delete ON missioncontrol_task;
DROP TRIGGER team_pace_update ON missioncontrol_task;
DROP TRIGGER team_pace_truncate ON missioncontrol_task;
DROP FUNCTION missioncontrol_team_pace_rows, missioncontrol_team_pace_change, missioncontrol_team_pace_nothing;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('missioncontrol', '0007_costs_at_size'),
    ]

    operations = [
        migrations.CreateModel(
            name='TeamPace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('team', models.CharField(max_length=100)),
                ('what', models.CharField(choices=[('created', 'Created'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('due', 'Due')], max_length=12)),
                ('at', models.DateTimeField()),
                ('n', models.BigIntegerField()),
            ],
            options={
                'db_table_comment': 'derived: kept by triggers of the tasks',
            },
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('completed_at__isnull', False)), fields=['team', 'completed_at'], include=('id', 'status', 'created_at'), name='task_completed_of_team'),
        ),
        migrations.AddIndex(
            model_name='taskevent',
            index=models.Index(condition=models.Q(('kind__in', ('claimed', 'in_progress'))), fields=['task', 'at'], name='event_begun'),
        ),
        migrations.AddIndex(
            model_name='teampace',
            index=models.Index(fields=['team', 'what', 'at'], include=('n',), name='team_pace_at'),
        ),
        migrations.RunSQL(PACE, UNDO_PACE),
    ]
