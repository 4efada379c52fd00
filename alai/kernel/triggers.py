"""The SQL behind the audit: statement triggers for each table, and the guard of append-only tables."""

FUNCTIONS = """
CREATE OR REPLACE FUNCTION kernel_audit() RETURNS trigger LANGUAGE plpgsql AS $$
-- Arguments: the key column, the columns to omit, the columns whose change alone is not worth an entry.
DECLARE
    context jsonb := coalesce(nullif(current_setting('alai.context', true), ''), '{}');
    key_column text;
    omit text[];
    quiet text[];
BEGIN
    IF context ->> 'history' = TG_TABLE_NAME THEN
        RETURN NULL;  -- the service writes its own history row in this transaction
    ELSIF context ? 'bulk' THEN
        PERFORM kernel_audit_bulk(TG_OP, TG_TABLE_NAME, context);
        RETURN NULL;
    END IF;
    key_column := TG_ARGV[0];
    omit := string_to_array(TG_ARGV[1], ',');
    quiet := string_to_array(TG_ARGV[2], ',');
    IF TG_OP = 'INSERT' THEN
        INSERT INTO kernel_auditentry
            (actor, on_behalf_of, action, target_type, target_id, before, after, why, request_id, db_user)
        SELECT coalesce(context ->> 'actor', ''), coalesce(context ->> 'behalf', ''), 'insert', TG_TABLE_NAME,
               fresh.row ->> key_column, NULL, kernel_audit_visible(fresh.row, omit),
               coalesce(context ->> 'why', ''), coalesce(context ->> 'request', ''), session_user
        FROM (SELECT to_jsonb(n) AS row FROM new_rows n) fresh;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO kernel_auditentry
            (actor, on_behalf_of, action, target_type, target_id, before, after, why, request_id, db_user)
        SELECT coalesce(context ->> 'actor', ''), coalesce(context ->> 'behalf', ''), 'delete', TG_TABLE_NAME,
               gone.row ->> key_column, kernel_audit_visible(gone.row, omit), NULL,
               coalesce(context ->> 'why', ''), coalesce(context ->> 'request', ''), session_user
        FROM (SELECT to_jsonb(o) AS row FROM old_rows o) gone;
    ELSE
        INSERT INTO kernel_auditentry
            (actor, on_behalf_of, action, target_type, target_id, before, after, why, request_id, db_user)
        SELECT coalesce(context ->> 'actor', ''), coalesce(context ->> 'behalf', ''), 'update', TG_TABLE_NAME,
               changed.id, kernel_audit_visible(changed.before, omit), kernel_audit_visible(changed.after, omit),
               coalesce(context ->> 'why', ''), coalesce(context ->> 'request', ''), session_user
        FROM (
            SELECT fresh.row ->> key_column AS id,
                   jsonb_object_agg(field.key, gone.row -> field.key) AS before,
                   jsonb_object_agg(field.key, field.value) AS after
            FROM (SELECT to_jsonb(n) AS row FROM new_rows n) fresh
            JOIN (SELECT to_jsonb(o) AS row FROM old_rows o) gone ON gone.row ->> key_column = fresh.row ->> key_column
            CROSS JOIN LATERAL jsonb_each(fresh.row) field
            WHERE field.value IS DISTINCT FROM gone.row -> field.key AND NOT field.key = ANY (quiet)
            GROUP BY 1
        ) changed;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION kernel_audit_visible(columns jsonb, omit text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(
        key, CASE WHEN key = ANY (omit) AND value <> 'null' THEN '"[omitted]"'::jsonb ELSE value END)
    FROM jsonb_each(columns)
$$;

CREATE OR REPLACE FUNCTION kernel_audit_bulk(operation text, target text, context jsonb) RETURNS void
LANGUAGE sql AS $$
    -- One entry for a load of many rows; where each row came from stands in the load's own records.
    INSERT INTO kernel_auditentry
        (actor, on_behalf_of, action, target_type, target_id, before, after, why, request_id, db_user)
    VALUES (coalesce(context ->> 'actor', ''), coalesce(context ->> 'behalf', ''), 'bulk-' || lower(operation),
            target, '', NULL, jsonb_build_object('bulk', context -> 'bulk'),
            coalesce(context ->> 'why', ''), coalesce(context ->> 'request', ''), session_user)
$$;

CREATE OR REPLACE FUNCTION kernel_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') AND current_setting('alai.retention', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: its rows are history', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE FUNCTION kernel_audit_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
-- TRUNCATE shows no trigger its rows: that they are gone is all that can be said.
DECLARE
    context jsonb := coalesce(nullif(current_setting('alai.context', true), ''), '{}');
BEGIN
    IF current_setting('alai.retention', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO kernel_auditentry
            (actor, on_behalf_of, action, target_type, target_id, before, after, why, request_id, db_user)
        VALUES (coalesce(context ->> 'actor', ''), coalesce(context ->> 'behalf', ''), 'truncate', TG_TABLE_NAME,
                '', NULL, NULL, coalesce(context ->> 'why', ''), coalesce(context ->> 'request', ''), session_user);
    END IF;
    RETURN NULL;
END $$;
"""


def audit_triggers(table: str, key: str, omit: tuple[str, ...], quiet: tuple[str, ...]) -> list[str]:
    """The statements that put a table under audit."""
    tables = {"insert": "NEW TABLE AS new_rows", "delete": "OLD TABLE AS old_rows"}
    tables["update"] = f"{tables['delete']} {tables['insert']}"
    arguments = ", ".join(f"'{text}'" for text in (key, ",".join(omit), ",".join(quiet)))
    changes = [
        f'CREATE OR REPLACE TRIGGER audit_{operation} AFTER {operation.upper()} ON "{table}" '
        f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION kernel_audit({arguments})"
        for operation, rows in tables.items()
    ]
    emptying = (
        f'CREATE OR REPLACE TRIGGER audit_truncate AFTER TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION kernel_audit_truncate()"
    )
    return [*changes, emptying]


def append_only_trigger(table: str) -> str:
    return (
        f'CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        f"FOR EACH STATEMENT EXECUTE FUNCTION kernel_append_only()"
    )
