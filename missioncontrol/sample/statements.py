"""The SQL of the sample. Everything about row `n` follows from `n` and the seed, whatever plan runs it.

`dice(n, salt)` is a number in [0, 1). A power of it favours the first of a list: `pick` is Zipf-like.
"""

TOOLS = """
CREATE FUNCTION pg_temp.dice(n bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT (hashint8extended(n, salt + {seed}) & 9007199254740991)::float8 / 9007199254740992';
CREATE FUNCTION pg_temp.pick(choices text[], dice float8) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT choices[floor(power(cardinality(choices) + 1, dice))::int]';
CREATE TEMP TABLE sample_title (place int PRIMARY KEY, words text NOT NULL);
CREATE TEMP TABLE sample_sentence (place int PRIMARY KEY, words text NOT NULL);
"""
DROP_TOOLS = """
DROP TABLE sample_title, sample_sentence;
DROP FUNCTION pg_temp.dice, pg_temp.pick;
"""

# What slows down each row is taken away first and put back over all rows: foreign keys, and plain indexes.
LIFTED = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)), conname
FROM pg_constraint WHERE conrelid = ANY (%(tables)s::text[]::regclass[]) AND contype = 'f'
UNION ALL
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid), indexrelid::regclass::name
FROM pg_index i WHERE indrelid = ANY (%(tables)s::text[]::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY 2 DESC
"""

# Two years, the newest last. The younger a task, the likelier it is still open: about 6 of 100 are not closed.
TASKS = """
INSERT INTO missioncontrol_task (id, title, description, status, priority, owner, team, tags, source, parent_id,
    due_at, created_at, updated_at, completed_at, cost_usd, legacy, lease_actor, lease_session, lease_until,
    lease_enforced, fencing_token)
SELECT %(base)s + n, title.words || CASE WHEN dice(n, 1) < 0.3 THEN ' INV' || lpad(n::text, 7, '0') ELSE '' END,
    CASE WHEN dice(n, 2) < 0.2 THEN ''
         WHEN dice(n, 2) < 0.95 THEN one.words || ' ' || two.words
         ELSE repeat(one.words || ' ' || two.words || E'\\n', 8) END,
    status,
    CASE WHEN dice(n, 3) < 0.2 THEN 0 WHEN dice(n, 3) < 0.8 THEN 1 WHEN dice(n, 3) < 0.96 THEN 2 ELSE 3 END,
    CASE WHEN dice(n, 4) < 0.3 THEN '' ELSE pick(%(owners)s, dice(n, 5)) END,
    CASE WHEN dice(n, 6) < 0.05 THEN '' ELSE pick(%(teams)s, dice(n, 7)) END,
    array_remove(ARRAY[CASE WHEN dice(n, 8) < 0.6 THEN pick(%(tags)s, dice(n, 9)) END,
                       CASE WHEN dice(n, 10) < 0.3 THEN pick(%(tags)s, dice(n, 11) / 2) END], NULL),
    pick(%(sources)s, dice(n, 12)),
    CASE WHEN n > 100 AND dice(n, 13) < 0.1 THEN %(base)s + n - 1 - floor(dice(n, 14) * 99)::bigint END,
    CASE WHEN dice(n, 15) < 0.4 THEN created + (1 + dice(n, 16) * 60) * interval '1 day' END,
    created, coalesce(completed, created + dice(n, 17) * (now() - created) * 0.5), completed,
    CASE WHEN dice(n, 18) < 0.3 THEN round((dice(n, 19) * 5)::numeric, 4) END, '{}',
    CASE WHEN leased THEN pick(%(agents)s, dice(n, 20)) ELSE '' END,
    CASE WHEN leased THEN 's' || n ELSE '' END,
    CASE WHEN leased THEN now() + (dice(n, 21) * 60 - 10) * interval '1 minute' END,
    true, floor(dice(n, 22) * 4)
FROM (
    SELECT *, status = 'in_progress' AND n > %(leased_from)s AS leased,
           CASE WHEN status IN ('done', 'cancelled')
                THEN created + power(dice(n, 23), 3) * least(now() - created, interval '30 days') END AS completed
    FROM (
        SELECT n, created,
               CASE WHEN dice(n, 24) < 0.97 - 0.57 * exp(-20 * age)
                    THEN CASE WHEN dice(n, 25) < 0.93 THEN 'done' ELSE 'cancelled' END
                    ELSE pick(ARRAY['open', 'open', 'ready', 'in_progress', 'blocked', 'paused'], dice(n, 25))
               END AS status
        FROM (
            SELECT n, age, now() - (age * 730 + dice(n, 26) / 50) * interval '1 day' AS created
            FROM (SELECT n, (%(tasks)s - n)::float8 / %(tasks)s AS age
                  FROM generate_series(%(first)s::bigint, %(last)s::bigint) n) numbered
        ) dated
    ) judged
) task
JOIN sample_title title ON title.place = floor(dice(task.n, 27) * %(titles)s)::int
JOIN sample_sentence one ON one.place = floor(dice(task.n, 28) * %(sentences)s)::int
JOIN sample_sentence two ON two.place = floor(dice(task.n, 29) * %(sentences)s)::int
ORDER BY task.n
"""
DEPENDENCIES = """
INSERT INTO missioncontrol_dependency (task_id, depends_on_id)
SELECT %(base)s + n, %(base)s + n - 1 - floor(dice(n, 31) * least(n - 1, 200))::bigint
FROM generate_series(greatest(%(first)s::bigint, 2), %(last)s::bigint) n WHERE dice(n, 30) < 0.08
"""
EVIDENCE = """
INSERT INTO missioncontrol_evidence (task_id, form, kind, name, host, sha256, size, file, verified, created_by,
    created_at)
SELECT id, 'reference', 'report', 'Seen in the log of ' || created_at::date, '', '', NULL, '', false,
       coalesce(nullif(owner, ''), 'ole'), completed_at
FROM missioncontrol_task
WHERE id BETWEEN %(base)s + %(first)s AND %(base)s + %(last)s AND status = 'done' AND dice(id, 32) < 0.3
"""
# What a task has cost was spent when it was last touched, of some a part half-way.
COSTS = """
INSERT INTO missioncontrol_costentry (task_id, at, amount_usd, kind, note, actor)
SELECT id, spent.at, spent.amount, 'tokens', '', coalesce(nullif(owner, ''), 'john')
FROM missioncontrol_task,
     LATERAL (SELECT CASE WHEN dice(id, 33) < 0.3 THEN round(cost_usd * 0.4, 4) ELSE 0 END AS part) early,
     LATERAL (VALUES (created_at + (updated_at - created_at) / 2, part), (updated_at, cost_usd - part)
     ) spent (at, amount)
WHERE id BETWEEN %(base)s + %(first)s AND %(base)s + %(last)s AND spent.amount <> 0
ORDER BY id
"""
# In the order of time. Each task begins with `created`; the others belong to tasks of the last weeks.
EVENTS = """
INSERT INTO missioncontrol_taskevent (at, task_id, kind, actor, on_behalf_of, data, why, request_id)
SELECT least(greatest(task.created_at, now() - (1 - n::float8 / %(events)s) * 730 * interval '1 day'), now()), task.id,
       CASE WHEN born THEN 'created' ELSE kind END, pick(%(agents)s, dice(n, 41)), '',
       CASE WHEN born THEN jsonb_build_object('title', task.title, 'status', 'open')
            WHEN kind IN ('claimed', 'lease_extended', 'lease_released')
            THEN jsonb_build_object('holder', 'john:s' || n %% 997, 'fencing_token', n %% 5)
            ELSE '{}' END, '', ''
FROM (
    SELECT n, nth, nth <> (n - 1) * %(tasks)s / %(events)s AS born,
           pick(ARRAY['lease_extended', 'claimed', 'lease_released', 'edited', 'evidence_added', 'done',
                      'lease_expired', 'ready', 'blocked', 'reassigned'], dice(n, 42)) AS kind,
           greatest(1, nth - floor(least(-ln(1 - dice(n, 43)) * 0.005, 0.03) * %(tasks)s)::bigint) AS recent
    FROM (SELECT n, n * %(tasks)s / %(events)s AS nth
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) n) numbered
) event
JOIN missioncontrol_task task ON task.id = %(base)s + CASE WHEN born THEN nth ELSE recent END
WHERE task.id BETWEEN %(base)s + %(first)s::bigint * %(tasks)s / %(events)s - %(tasks)s * 4 / 100
                  AND %(base)s + %(last)s::bigint * %(tasks)s / %(events)s + 1
ORDER BY n
"""
MEMORIES = """
INSERT INTO missioncontrol_memory (agent, kind, key, content, tags, importance, created_at, expires_at)
SELECT pick(%(agents)s, dice(n, 51)), pick(ARRAY['note', 'fact', 'decision', 'preference', 'lesson'], dice(n, 52)),
       'k' || n || ' ' || title.words, one.words || ' ' || two.words,
       array_remove(ARRAY[CASE WHEN dice(n, 53) < 0.5 THEN pick(%(tags)s, dice(n, 54)) END], NULL),
       round(dice(n, 55)::numeric, 2), now() - (1 - n::float8 / %(memories)s) * 730 * interval '1 day',
       CASE WHEN dice(n, 56) < 0.1 THEN now() + (dice(n, 57) - 0.3) * interval '90 days' END
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
JOIN sample_title title ON title.place = floor(dice(n, 58) * %(titles)s)::int
JOIN sample_sentence one ON one.place = floor(dice(n, 59) * %(sentences)s)::int
JOIN sample_sentence two ON two.place = floor(dice(n, 60) * %(sentences)s)::int
ORDER BY n
"""


def spelled_out(sql: str) -> str:
    """Temporary functions are found under their full name alone."""
    return sql.replace("dice(", "pg_temp.dice(").replace("pick(", "pg_temp.pick(")
