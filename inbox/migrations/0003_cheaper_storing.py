import django.db.models.deletion
from django.db import migrations, models

# A message that was just fetched has bytes and no text yet: its words come with the text, when it is parsed.
WORDS = """
DROP TRIGGER index_words ON inbox_content;
CREATE TRIGGER index_words AFTER INSERT ON inbox_content
    FOR EACH ROW WHEN (NEW.text <> '' OR octet_length(NEW.data) = 0) EXECUTE FUNCTION inbox_index_words();
CREATE TRIGGER index_changed_words AFTER UPDATE OF text ON inbox_content
    FOR EACH ROW EXECUTE FUNCTION inbox_index_words();
"""
UNDO_WORDS = """
DROP TRIGGER index_changed_words ON inbox_content;
DROP TRIGGER index_words ON inbox_content;
CREATE TRIGGER index_words AFTER INSERT OR UPDATE OF text ON inbox_content
    FOR EACH ROW EXECUTE FUNCTION inbox_index_words();
"""
# The bytes are compressed already: trying it again is time lost.
AS_IT_IS = "ALTER TABLE inbox_content ALTER COLUMN data SET STORAGE EXTERNAL"
UNDO_AS_IT_IS = "ALTER TABLE inbox_content ALTER COLUMN data SET STORAGE EXTENDED"


class Migration(migrations.Migration):
    dependencies = [("inbox", "0002_fetching")]
    operations = [
        migrations.RunSQL(WORDS, UNDO_WORDS),
        migrations.RunSQL(AS_IT_IS, UNDO_AS_IT_IS),
        migrations.RemoveConstraint(model_name="message", name="message_once_in_its_account"),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                condition=models.Q(("mail__isnull", False)),
                fields=("mail", "account", "outgoing"),
                name="message_once_in_its_account",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="folder",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="messages",
                to="inbox.folder",
            ),
        ),
    ]
