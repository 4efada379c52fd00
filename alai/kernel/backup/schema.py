"""The schema around a restore: is it ours, does it hold data, away with it, and made anew as it was."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from alai.kernel.backup import catalog
from alai.kernel.backup.catalog import NOT_KEPT, Ours
from alai.kernel.backup.errors import BackupError
from alai.kernel.backup.manifest import Manifest

# What migrating, the first start and signing in write by themselves: rows here are nobody's work.
FRESH = {
    *(
        "auth_group",
        "auth_permission",
        "auth_user_groups",
        "auth_user_user_permissions",
        "django_content_type",
    ),
    *("axes_accessattempt", "axes_accessattemptexpiration", "axes_accessfailurelog", "axes_accesslog"),
    *("django_celery_beat_crontabschedule", "django_celery_beat_intervalschedule"),
    *("django_celery_beat_periodictask", "django_celery_beat_periodictasks"),
    *("django_admin_log", "kernel_auditentry", "kernel_retention", *NOT_KEPT),
}
FIRST_ADMINISTRATOR = {"auth_user", "kernel_actor"}  # one row each
NOT_OF_AN_EXTENSION = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')"
OBJECTS = f"""
SELECT format('DROP ROUTINE %%s CASCADE', o.oid::regprocedure) FROM pg_proc o
WHERE pronamespace = current_schema()::regnamespace AND {NOT_OF_AN_EXTENSION}
UNION ALL
SELECT format('DROP TEXT SEARCH CONFIGURATION %%I CASCADE', cfgname) FROM pg_ts_config o
WHERE cfgnamespace = current_schema()::regnamespace AND {NOT_OF_AN_EXTENSION}
UNION ALL
SELECT format('DROP TEXT SEARCH DICTIONARY %%I CASCADE', dictname) FROM pg_ts_dict o
WHERE dictnamespace = current_schema()::regnamespace AND {NOT_OF_AN_EXTENSION}
UNION ALL
SELECT format('DROP TYPE %%I CASCADE', typname) FROM pg_type o
WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd', 'r') AND {NOT_OF_AN_EXTENSION}
UNION ALL
SELECT format('DROP SEQUENCE %%I CASCADE', relname) FROM pg_class o
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' AND {NOT_OF_AN_EXTENSION}
"""
VIEWS = f"""
SELECT format('DROP %%s VIEW %%I CASCADE', CASE relkind WHEN 'm' THEN 'MATERIALIZED' ELSE '' END, relname)
FROM pg_class o
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('v', 'm') AND {NOT_OF_AN_EXTENSION}
"""


def require_known(manifest: Manifest, name: str) -> None:
    """Raise for a backup whose database this version does not know how to build."""
    if unknown := catalog.unknown_names(manifest.migrations, MigrationLoader(None)):
        raise BackupError(
            f"{name} was made by Mission Control {manifest.version}, whose database this version does not know "
            f"({unknown[0]}): restore it with that version."
        )


def require_alone(ours: Ours) -> None:
    """Raise for a database that others use too: a restore builds it anew."""
    others = sorted(set(catalog.table_names()) - ours.tables - NOT_KEPT)
    if others:
        raise BackupError(
            f"The database holds tables that are not Mission Control's ({', '.join(others[:3])}): "
            "restore into a database of its own."
        )


def require_empty(ours: Ours) -> None:
    """Raise for a database that holds more than a first start writes."""
    counts = {name: _count(name) for name in ours.tables - FRESH if not catalog.table(name).is_derived}
    found = [f"{name} {count:,}" for name, count in counts.items() if count > (name in FIRST_ADMINISTRATOR)]
    if found:
        raise BackupError(
            f"The database holds data already (rows: {', '.join(sorted(found))}): restore into an empty one, "
            "or let --replace delete what it holds."
        )


def clear(ours: Ours) -> None:
    """Drop everything that is ours; extensions stay."""
    tables = [name for name in catalog.table_names() if name in ours.tables | NOT_KEPT]
    with connection.cursor() as cursor:
        for (statement,) in catalog.rows(VIEWS):
            cursor.execute(statement)
        if tables:
            names = sql.SQL(", ").join(sql.Identifier(name) for name in tables)
            cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(names))
        for (statement,) in catalog.rows(OBJECTS):
            cursor.execute(statement)


def build(manifest: Manifest) -> None:
    """Make the schema as it was, without the audit's triggers, which follow a whole `migrate`: rows that are put
    back are not written by anybody now."""
    executor = MigrationExecutor(connection)
    wanted = catalog.by_present_names(manifest.migrations, executor.loader)
    nodes = executor.loader.graph.node_map
    # The tips alone: Django takes a migration that later ones of the same list need for a step back.
    executor.migrate(
        [key for key in sorted(wanted) if not wanted & {child.key for child in nodes[key].children}]
    )
    names = sql.SQL(", ").join(sql.Identifier(name) for name in manifest.tables)
    with connection.cursor() as cursor:  # migrations seed some tables
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # tables come in the order of their names


def bring_up_to_date() -> None:
    """Migrate to this version; triggers and seeds follow."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the rows fit together; else the restore ends here
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    call_command("migrate", interactive=False, verbosity=0)


def _count(name: str) -> int:
    return int(catalog.rows(f'SELECT count(*) FROM "{name}"')[0][0])
