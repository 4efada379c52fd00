from django.db import migrations

# RESTART alone is forgotten by `manage.py flush` and TRUNCATE ... RESTART IDENTITY, which begin at the sequence's start.
START = "ALTER TABLE missioncontrol_task ALTER COLUMN id SET START WITH 1000000"


class Migration(migrations.Migration):
    dependencies = [("missioncontrol", "0008_team_pace")]
    operations = [migrations.RunSQL(START, "ALTER TABLE missioncontrol_task ALTER COLUMN id SET START WITH 1")]
