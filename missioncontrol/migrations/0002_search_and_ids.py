"""Full-text search (words folded to plain letters, no stemming: titles mix three languages), and where ids begin."""

from django.db import migrations

SEARCH = """
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE TEXT SEARCH CONFIGURATION mission_control (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION mission_control
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;

CREATE FUNCTION missioncontrol_index_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A tsvector holds 1 MB; the first 200,000 characters of a description are plenty to find it by.
    INSERT INTO missioncontrol_tasksearch (task_id, vector)
    VALUES (NEW.id, setweight(to_tsvector('mission_control', NEW.title), 'A')
                    || setweight(to_tsvector('mission_control', left(NEW.description, 200000)), 'B'))
    ON CONFLICT (task_id) DO UPDATE SET vector = EXCLUDED.vector;
    RETURN NULL;
END $$;
CREATE TRIGGER index_words AFTER INSERT OR UPDATE OF title, description ON missioncontrol_task
    FOR EACH ROW EXECUTE FUNCTION missioncontrol_index_words();
"""
UNDO_SEARCH = """
DROP TRIGGER index_words ON missioncontrol_task;
DROP FUNCTION missioncontrol_index_words();
DROP TEXT SEARCH CONFIGURATION mission_control;
"""
# Imported ids stay below; a row's spare room lets an extended lease be rewritten in place.
IDS = "ALTER TABLE missioncontrol_task ALTER COLUMN id RESTART WITH 1000000"
ROOM = "ALTER TABLE missioncontrol_task SET (fillfactor = 85)"


class Migration(migrations.Migration):
    dependencies = [("missioncontrol", "0001_initial")]
    operations = [
        migrations.RunSQL(SEARCH, UNDO_SEARCH),
        migrations.RunSQL(IDS, migrations.RunSQL.noop),
        migrations.RunSQL(ROOM, "ALTER TABLE missioncontrol_task RESET (fillfactor)"),
    ]
