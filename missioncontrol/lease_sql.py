"""The lease statements: one a verb, with its event row in the same statement.

Each statement locks the task's row first and reads the database clock after it (`clock_timestamp`), so that a
lease which ran out while the statement waited for the lock has run out. The lock leaves foreign keys in peace
(NO KEY): a comment need not wait for a verdict, nor a change of dependencies deadlock with one. The final SELECT
tells winner and loser alike what stands: no second query decides who won. Source: handbook, "MC Claim Protocol".
"""

from collections.abc import Sequence

from missioncontrol.models import Task

TABLE = Task._meta.db_table

_LOCK = f"""
WITH locked AS MATERIALIZED (
    SELECT id, status, owner, completed_at, lease_actor, lease_session, lease_until, fencing_token
    FROM {TABLE} WHERE id = %(task)s::bigint FOR NO KEY UPDATE
), timed AS MATERIALIZED (
    SELECT *, clock_timestamp() AS moment FROM locked
), standing AS MATERIALIZED (
    SELECT *, coalesce(lease_until > moment, false) AS live,
           lease_actor = %(actor)s::text AND lease_session = %(session)s::text AS own
    FROM timed
), """

_EVENT = """
INSERT INTO missioncontrol_taskevent (task_id, kind, actor, on_behalf_of, data, why, request_id)
SELECT id, {kind}, %(by)s::text, %(behalf)s::text, {data}, %(why)s::text, %(request)s::text FROM {rows}
"""

# The audit trigger reads who acts from here; the event row of the same statement is the task's audit entry.
_SAY_WHO = "set_config('alai.context', %(context)s::text, true) IS NOT NULL AS said"

_STANDS = """
SELECT s.id, coalesce(w.status, s.status) AS status, s.verdict, w.id IS NOT NULL AS changed, s.live,
       coalesce(w.lease_actor, s.lease_actor) AS lease_actor,
       coalesce(w.lease_session, s.lease_session) AS lease_session,
       CASE WHEN w.id IS NULL THEN s.lease_until ELSE w.lease_until END AS lease_until,
       coalesce(w.fencing_token, s.fencing_token) AS fencing_token, s.moment
"""
_OUTCOME = f"{_STANDS}, {_SAY_WHO} FROM judged s LEFT JOIN written w ON w.id = s.id"

_WRITTEN = "t.id, t.status, t.lease_actor, t.lease_session, t.lease_until, t.fencing_token"

# What a constraint looks at is set from the locked row `s`, not from `t`: PostgreSQL checks constraints on the row
# as the statement's snapshot had it, and only then finds that it waited and looks again.
_GRANT = """
    lease_actor = %(actor)s::text, lease_session = %(session)s::text,
    lease_until = s.moment + %(ttl)s::interval, lease_enforced = %(enforced)s::boolean,
    fencing_token = s.fencing_token + CASE WHEN s.live AND s.own AND NOT %(override)s::boolean THEN 0 ELSE 1 END,
    status = CASE s.status WHEN 'open' THEN 'in_progress' ELSE s.status END,
    updated_at = s.moment
"""

_UNTIL = """to_char(lease_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

_GRANT_DATA = f"""
jsonb_build_object('holder', lease_actor || ':' || lease_session, 'until', {_UNTIL}, 'fencing_token', fencing_token)
    || %(note)s::jsonb
"""

# The tasks of an actor that may hold no more, else NULL. The function makes the new claims of one limited actor queue
# and counts by a snapshot taken after the wait, which this statement's own is not. Without a limit it is not called.
_HANDS = """
SELECT missioncontrol_full_hands(name, wip_limit) AS holds FROM kernel_actor
WHERE name = %(actor)s::text AND wip_limit IS NOT NULL AND %(enforced)s::boolean AND NOT %(override)s::boolean
"""

CLAIM = f"""{_LOCK} hands AS MATERIALIZED ({_HANDS}), judged AS MATERIALIZED (
    SELECT *, CASE
        WHEN status IN ('done', 'cancelled') THEN 'task_closed'
        WHEN live AND NOT own AND NOT %(override)s::boolean AND %(enforced)s::boolean THEN 'lease_held'
        WHEN NOT (live AND own) AND (SELECT holds FROM hands) IS NOT NULL THEN 'wip_limit'
        ELSE 'ok' END AS verdict
    FROM standing
), written AS (
    UPDATE {TABLE} t SET {_GRANT} FROM judged s WHERE t.id = s.id AND s.verdict = 'ok'
    RETURNING {_WRITTEN}, s.live AND s.own AND NOT %(override)s::boolean AS again,
        CASE WHEN s.live AND NOT s.own THEN s.lease_actor || ':' || s.lease_session END AS taken_from
), event AS ({
    _EVENT.format(
        kind="CASE WHEN again THEN 'lease_refreshed' ELSE 'claimed' END",
        data=f'''{_GRANT_DATA}
    || CASE WHEN taken_from IS NULL THEN '{{}}' ELSE jsonb_build_object('taken_from', taken_from) END''',
        rows="written",
    )
}
) {_STANDS}, CASE s.verdict WHEN 'wip_limit' THEN (SELECT holds FROM hands) END AS holds, {_SAY_WHO}
FROM judged s LEFT JOIN written w ON w.id = s.id"""

_QUEUE = "{0}.priority DESC, {0}.due_at ASC NULLS LAST, {0}.created_at, {0}.id"
# Of several teams, each one's part of an index is read in its order and the parts are merged, as far as it takes to
# find a task. Nothing is locked there: who may have the task is judged of `t`, which is the one that is locked.
_PART = f"""(SELECT q.id, q.priority, q.due_at, q.created_at FROM {TABLE} q
     WHERE q.team = %(team_{{0}})s::text AND q.status IN ('open', 'in_progress') ORDER BY {_QUEUE.format("q")})"""
_MERGED = f"""(
    SELECT * FROM ({{parts}}) q ORDER BY {_QUEUE.format("q")}) q JOIN {TABLE} t ON t.id = q.id"""
MERGED = 10  # teams: each has to be planned

# The limit is looked at before a task is: a refused caller locks none that somebody else could have. Most tasks
# require nothing; saying so keeps the planner's guess true, and with it the walk along the index.
NEXT = f"""
WITH hands AS MATERIALIZED ({_HANDS}), standing AS MATERIALIZED (
    SELECT t.id, t.status, t.fencing_token, false AS live, false AS own, clock_timestamp() AS moment
    FROM {{tasks}}
    WHERE (SELECT holds FROM hands) IS NULL
      AND t.status IN ('open', 'in_progress')
      AND (t.requires = '{{{{}}}}' OR t.requires <@ coalesce(
          %(capabilities)s::varchar[], (SELECT capabilities FROM kernel_actor WHERE name = %(actor)s::text)))
      AND (t.lease_until IS NULL OR t.lease_until <= clock_timestamp())
      AND NOT EXISTS (
          SELECT FROM missioncontrol_dependency d JOIN {TABLE} b ON b.id = d.depends_on_id
          WHERE d.task_id = t.id AND b.status <> 'done')
      {{filters}}
    ORDER BY {{queue}}
    LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED
), judged AS (SELECT *, 'ok' AS verdict FROM standing
), written AS (
    UPDATE {TABLE} t SET {_GRANT} FROM standing s WHERE t.id = s.id RETURNING {_WRITTEN}
), event AS ({_EVENT.format(kind="'claimed'", data=_GRANT_DATA, rows="written")}
)
SELECT w.id, w.status, 'ok' AS verdict, true AS changed, true AS live, w.lease_actor, w.lease_session,
       w.lease_until, w.fencing_token, s.moment, NULL::bigint[] AS holds, {_SAY_WHO}
FROM written w JOIN standing s ON s.id = w.id
UNION ALL
SELECT 0, '', 'wip_limit', false, false, '', '', NULL, 0, clock_timestamp(), holds, {_SAY_WHO}
FROM hands WHERE holds IS NOT NULL
"""

EXTEND = f"""{_LOCK} judged AS MATERIALIZED (
    SELECT *, CASE
        WHEN NOT (live AND own) THEN 'lease_not_held'
        WHEN %(fence)s::bigint <> fencing_token THEN 'stale_fence'
        ELSE 'ok' END AS verdict
    FROM standing
), written AS (
    UPDATE {TABLE} t SET
        lease_actor = s.lease_actor, lease_session = s.lease_session, lease_until = s.moment + %(ttl)s::interval
    FROM judged s WHERE t.id = s.id AND s.verdict = 'ok' RETURNING {_WRITTEN}
), event AS ({_EVENT.format(kind="'lease_extended'", data=_GRANT_DATA, rows="written")}
) {_OUTCOME}"""

_END_LEASE = "lease_actor = '', lease_session = '', lease_until = NULL, lease_enforced = true"

RELEASE = f"""{_LOCK} judged AS MATERIALIZED (
    SELECT *, CASE
        WHEN lease_actor = '' OR NOT live AND NOT own AND NOT %(override)s::boolean THEN 'free'
        WHEN %(override)s::boolean THEN 'ok'
        WHEN NOT own THEN 'lease_held'
        WHEN %(fence)s::bigint <> fencing_token THEN 'stale_fence'
        ELSE 'ok' END AS verdict
    FROM standing
), written AS (
    UPDATE {TABLE} t SET {_END_LEASE}, updated_at = s.moment,
        fencing_token = s.fencing_token + %(override)s::boolean::int,
        status = CASE s.status WHEN 'in_progress' THEN 'open' ELSE s.status END
    FROM judged s WHERE t.id = s.id AND s.verdict = 'ok'
    RETURNING {_WRITTEN}, s.lease_actor || ':' || s.lease_session AS ended
), event AS ({
    _EVENT.format(
        kind="CASE WHEN %(override)s::boolean THEN 'lease_revoked' ELSE 'lease_released' END",
        data="jsonb_build_object('holder', ended, 'fencing_token', fencing_token) || %(note)s::jsonb",
        rows="written",
    )
}
) {_OUTCOME}"""

_JUDGE_WRITE = """judged AS MATERIALIZED (
    SELECT *, CASE
        WHEN NOT %(enforced)s::boolean THEN 'ok'
        WHEN %(fence)s::bigint IS NOT NULL AND (NOT live OR %(fence)s::bigint <> fencing_token) THEN 'stale_fence'
        WHEN NOT live OR NOT %(protected)s::boolean THEN 'ok'
        WHEN %(fence)s::bigint IS NOT NULL AND lease_actor = %(actor)s::text
             AND %(session)s::text IN ('', lease_session) THEN 'ok'
        WHEN NOT %(person)s::boolean THEN 'lease_held'
        WHEN %(reason)s::text = '' THEN 'reason_required'
        ELSE 'takeover' END AS ruling
    FROM standing
)"""

_JUDGED = "SELECT *, CASE ruling WHEN 'takeover' THEN 'ok' ELSE ruling END AS verdict FROM judged"

JUDGE = f"""{_LOCK} {_JUDGE_WRITE}
SELECT id, status, CASE ruling WHEN 'takeover' THEN 'ok' ELSE ruling END AS verdict, false AS changed, live,
       lease_actor, lease_session, lease_until, fencing_token, moment, {_SAY_WHO}
FROM judged"""

CHANGE = f"""{_LOCK} {_JUDGE_WRITE.replace("judged AS", "ruled AS")}, judged AS MATERIALIZED (
    {_JUDGED.replace("FROM judged", "FROM ruled")}
), written AS (
    UPDATE {TABLE} t SET
        status = s.to_status, owner = s.to_owner, updated_at = s.moment,
        completed_at = CASE WHEN s.to_status NOT IN ('done', 'cancelled') THEN NULL
                            WHEN s.status IN ('done', 'cancelled') THEN s.completed_at ELSE s.moment END,
        lease_actor = CASE WHEN s.ends THEN '' ELSE s.lease_actor END,
        lease_session = CASE WHEN s.ends THEN '' ELSE s.lease_session END,
        lease_until = CASE WHEN s.ends THEN NULL ELSE s.lease_until END,
        lease_enforced = CASE WHEN s.ends THEN true ELSE t.lease_enforced END,
        fencing_token = s.fencing_token + (s.ruling = 'takeover')::int
    FROM (
        SELECT *, %(status)s::text AS to_status, coalesce(%(owner)s::text, owner) AS to_owner,
               ruling = 'takeover' OR %(status)s::text IN ('ready', 'done', 'cancelled') AS ends
        FROM (SELECT *, status AS was FROM judged) j WHERE verdict = 'ok'
    ) s
    WHERE t.id = s.id
    RETURNING {_WRITTEN}, s.was, s.owner AS was_owner, t.owner, s.ruling = 'takeover' AS taken_over,
              s.lease_actor || ':' || s.lease_session AS ended, s.ends AND s.lease_actor <> '' AS lease_ended
), event AS ({
    _EVENT.format(
        kind="%(kind)s::text",
        data='''jsonb_strip_nulls(jsonb_build_object(
        'status', CASE WHEN was <> status THEN jsonb_build_array(was, status) END,
        'owner', CASE WHEN was_owner <> owner THEN jsonb_build_array(was_owner, owner) END,
        'lease_ended', CASE WHEN lease_ended THEN ended END,
        'taken_over', CASE WHEN taken_over THEN true END)) || %(note)s::jsonb''',
        rows="written",
    )
}
) {_OUTCOME}"""

STATUS = f"""
SELECT id, status, 'ok' AS verdict, false AS changed, coalesce(lease_until > clock_timestamp(), false) AS live,
       lease_actor, lease_session, lease_until, fencing_token, clock_timestamp() AS moment, true AS said
FROM {TABLE} WHERE id = %(task)s::bigint
"""

EXPIRED = f"""
SELECT id, status, 'ok' AS verdict, false AS changed, false AS live, lease_actor, lease_session, lease_until,
       fencing_token, clock_timestamp() AS moment, true AS said
FROM {TABLE} t WHERE lease_actor <> '' AND lease_until <= clock_timestamp() {{filters}}
ORDER BY lease_until, id LIMIT %(limit)s::int
"""

SWEEP = f"""
WITH locked AS MATERIALIZED (
    SELECT id, status, lease_actor, lease_session, lease_until, fencing_token FROM {TABLE} t
    WHERE lease_actor <> '' AND lease_until <= clock_timestamp() {{filters}}
    ORDER BY id LIMIT %(limit)s::int FOR NO KEY UPDATE SKIP LOCKED
), written AS (
    UPDATE {TABLE} t SET {_END_LEASE}, updated_at = clock_timestamp(),
        status = CASE s.status WHEN 'in_progress' THEN 'open' ELSE s.status END
    FROM locked s WHERE t.id = s.id
    RETURNING t.id, t.status, s.lease_actor, s.lease_session, s.lease_until, t.fencing_token
), event AS ({
    _EVENT.format(
        kind="'lease_expired'",
        data=f'''jsonb_build_object('holder', lease_actor || ':' || lease_session, 'until', {_UNTIL},
                            'fencing_token', fencing_token)''',
        rows="written",
    )
}
)
SELECT id, status, 'ok' AS verdict, true AS changed, false AS live, lease_actor, lease_session, lease_until,
       fencing_token, clock_timestamp() AS moment, {_SAY_WHO}
FROM written ORDER BY lease_until, id
"""


def next_statement(filters: str = "", teams: Sequence[str] = ()) -> tuple[str, dict[str, str]]:
    """The statement of `claim_next`, and the values that it has of the teams."""
    if not 1 < len(teams) <= MERGED:
        return NEXT.format(tasks=f"{TABLE} t", queue=_QUEUE.format("t"), filters=filters), {}
    parts = " UNION ALL ".join(_PART.format(number) for number in range(len(teams)))
    sql = NEXT.format(tasks=_MERGED.format(parts=parts), queue=_QUEUE.format("q"), filters=filters)
    return sql, {f"team_{number}": team for number, team in enumerate(teams)}
