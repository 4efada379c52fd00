"""`alai mc`: the task ledger and the claim protocol. Here the verbs are described; the other modules do them."""

from alai.cli.common import COMMON, KEY, PAGE, SINCE_ID, UNTIL, URL, WHO
from alai.cli.options import BIGGEST, Argument, Option, Verb

SUMMARY = "Tasks and their leases (handbook: MC Claim Protocol)."

STATUSES = ("open", "in_progress", "paused", "blocked", "ready", "done", "cancelled")
PRIORITIES = ("low", "medium", "high", "critical")
TTL = (1, 1440)

ID = Argument("ID", "the task's number", whole=True)
MINUTES = Option("ttl-minutes", "how long the lease lasts, default 10", "N", whole=TTL)
REASON = Option("reason", "why, for the audit trail", "TEXT")
OVERRIDE = (
    Option("override", "a CEO's approval, e.g. '[CEO_APPROVED]'; needs --reason", "APPROVAL"),
    Option("grant-id", "the grant that a CEO recorded for this override", "N", whole=(1, BIGGEST)),
)
EVIDENCE = (
    Option(
        "evidence", "a file (hashed here, and registered) or a reference in words", "PATH|TEXT", many=True
    ),
    Option("evidence-id", "evidence that is registered already", "N", many=True, whole=(1, BIGGEST)),
    Option("upload", "send the files' bytes too, not only their hashes"),
    Option("kind", "what the files are, e.g. screenshot", "WORD"),
    REASON,
)
FIELDS = (
    Option("description", "the long text", "TEXT"),
    Option("priority", "how urgent", "P", choices=PRIORITIES),
    Option("owner", "who answers for it", "NAME"),
    Option("team", "whose it is", "NAME"),
    Option("parent", "the task above it", "ID"),
    Option("tag", "a tag", "TAG", many=True),
    Option("requires", "what a worker must be able to do, e.g. gpu", "WORD", many=True),
    Option("source", "where it came from", "WORD"),
    Option("depends-on", "a task that must be done first", "ID", many=True),
    Option("due", "when it is due: ISO 8601, or 12h, 7d from now", "TIME"),
    Option("cost", "what it has cost in all, in USD", "AMOUNT"),
)
AMONG = (
    Option("team", "of this team", "NAME", many=True),
    Option("owner", "of this owner", "NAME", many=True),
    Option("tag", "with this tag", "TAG", many=True),
    Option("source", "from this source", "WORD", many=True),
)

VERBS = (
    Verb(
        "list",
        "List tasks, newest first.",
        "alai.cli.mc.reading:list_tasks",
        options=(
            Option("status", "with this status", "S", many=True, choices=STATUSES),
            Option("priority", "with this priority", "P", many=True, choices=PRIORITIES),
            *AMONG,
            Option("claimed", "only those that somebody holds"),
            Option("free", "only those that nobody holds"),
            Option("overdue", "only those past their due time"),
            Option("parent", "only those below this task", "ID", whole=(1, BIGGEST)),
            Option("query", "words to search for; ranked, at most 200", "TEXT"),
            Option("since", "changed since: ISO 8601, or 30m, 12h, 7d ago", "TIME"),
            *PAGE,
            *COMMON,
        ),
        examples=("alai mc list --status open --team drop", "alai mc list --query tender --json"),
    ),
    Verb(
        "show",
        "Show one task.",
        "alai.cli.mc.reading:show",
        arguments=(ID,),
        options=COMMON,
        notes="The JSON also carries lease_holder and lease_until at the top level.",
        examples=("alai mc show 99927", "alai mc show 99927 --json"),
    ),
    Verb(
        "add",
        "Add a task.",
        "alai.cli.mc.writing:add",
        arguments=(Argument("TITLE", "what is to be done"),),
        options=(
            *FIELDS,
            Option("status", "how it starts", "S", choices=("open", "in_progress", "paused", "blocked")),
            Option("dedup-key", "while a task with this key is not closed, that one is answered", "KEY"),
            KEY,
            *COMMON,
        ),
        examples=('alai mc add "Renew the certificate" --team drop --priority high --due 2026-06-01',),
    ),
    Verb(
        "update",
        "Change a task; only what is named changes.",
        "alai.cli.mc.writing:update",
        arguments=(ID,),
        options=(
            Option("title", "the new title", "TEXT"),
            Option("status", "the new status", "S", choices=STATUSES),
            *FIELDS,
            REASON,
            *COMMON,
        ),
        notes="Status and owner of a leased task need its lease. An empty value clears a field: --owner ''.",
        examples=("alai mc update 99927 --status blocked", "alai mc update 99927 --tag infra --tag dns"),
    ),
    Verb(
        "ready",
        "Finished, and waiting for acceptance; your lease ends.",
        "alai.cli.mc.writing:ready",
        arguments=(ID,),
        options=(*EVIDENCE, *COMMON),
        examples=("alai mc ready 99927 --evidence build.log",),
    ),
    Verb(
        "done",
        "Done, with evidence; your lease ends.",
        "alai.cli.mc.writing:done",
        arguments=(ID,),
        options=(
            *EVIDENCE,
            Option("cost", "what was spent on it, in USD: added to what it has cost", "AMOUNT"),
            *COMMON,
        ),
        examples=(
            'alai mc done 99927 --evidence shot.png --evidence "seen on stage"',
            "alai mc done 99927 --evidence build.log --cost 1.25",
        ),
    ),
    Verb(
        "stats",
        "The ledger in numbers.",
        "alai.cli.mc.reading:stats",
        options=COMMON,
        examples=("alai mc stats --json",),
    ),
    Verb(
        "claim",
        "Take a task's lease; again, to refresh it.",
        "alai.cli.mc.leasing:claim",
        arguments=(ID,),
        options=(MINUTES, *OVERRIDE, REASON, KEY, *COMMON),
        notes="Exit code 1 when somebody else holds it: stderr names the holder and when the lease ends.",
        examples=("alai mc claim 99927 --actor john --session abc123 --ttl-minutes 10",),
    ),
    Verb(
        "claim-extend",
        "Prolong your own live lease.",
        "alai.cli.mc.leasing:extend",
        arguments=(ID,),
        options=(MINUTES, *COMMON),
        examples=("alai mc claim-extend 99927",),
    ),
    Verb(
        "claim-release",
        "End your lease, so that others may claim the task.",
        "alai.cli.mc.leasing:release",
        arguments=(ID,),
        options=(
            Option("force", "ops: end anybody's stuck lease; needs --reason"),
            *OVERRIDE,
            REASON,
            KEY,
            *COMMON,
        ),
        examples=(
            "alai mc claim-release 99927",
            'alai mc claim-release 99927 --force --reason "host is gone"',
        ),
    ),
    Verb(
        "claim-status",
        "Who holds a task, until when; or `available`.",
        "alai.cli.mc.leasing:status",
        arguments=(ID,),
        options=COMMON,
        examples=("alai mc claim-status 99927",),
    ),
    Verb(
        "claim-sweep",
        "Report the leases that have run out.",
        "alai.cli.mc.leasing:sweep",
        options=(Option("auto-release", "and end them"), *COMMON),
        examples=("alai mc claim-sweep --auto-release",),
    ),
    Verb(
        "next",
        "Claim the best task that is waiting.",
        "alai.cli.mc.leasing:claim_next",
        options=(
            *AMONG,
            Option("priority", "this or higher", "P", choices=PRIORITIES),
            Option(
                "capability", "what you can do; else what is recorded of the actor counts", "WORD", many=True
            ),
            MINUTES,
            KEY,
            *COMMON,
        ),
        notes="By priority, then due time, then age; never one that requires more than you can do (--capability '':\n"
        "nothing special). Exit code 1 when no task is waiting.",
        examples=("alai mc next --team drop --json", "alai mc next --capability gpu --capability norwegian"),
    ),
    Verb(
        "clearance",
        "CB7: may this session work on the task?",
        "alai.cli.mc.reading:clearance",
        arguments=(ID,),
        options=COMMON,
        notes="Prints `VERDICT: CLEAR` and exits 0, or `VERDICT: BLOCKED` with the holder and exits 1.",
        examples=("alai mc clearance 99927",),
    ),
    Verb(
        "hold",
        "Hold a task's lease while a command runs.",
        "alai.cli.mc.holding:hold",
        arguments=(ID, Argument("COMMAND", "what to run", rest=True)),
        options=(
            MINUTES,
            Option(
                "every-seconds", "how often to extend; default a third of the lease", "N", whole=(1, 28800)
            ),
            Option(
                "grace-seconds",
                "between SIGTERM and SIGKILL when the lease is lost, default 10",
                "N",
                whole=(0, 600),
            ),
            *WHO,
        ),
        notes="The command runs with ALAI_ACTOR and ALAI_SESSION of the lease, and its exit code is passed on. When\n"
        "the lease is lost it gets SIGTERM, then SIGKILL, and the exit code is 1.",
        examples=("alai mc hold 99927 -- make deploy",),
    ),
    Verb(
        "watch",
        "Tell what happens to tasks, as it happens.",
        "alai.cli.mc.watching:watch",
        options=(
            Option("kinds", "only these kinds of events, separated by commas", "K,K", many=True),
            Option("team", "only of this team", "NAME", many=True),
            Option("task", "only of this task", "ID", many=True, whole=(1, BIGGEST)),
            Option("actor", "only what this actor did", "NAME", many=True),
            Option("since", "begin with what happened since: ISO 8601, or 30m, 12h, 7d ago", "TIME"),
            SINCE_ID,
            *UNTIL,
            Option("json", "one line of JSON an event, with its last_event_id"),
            URL,
        ),
        notes="A lost connection is opened again, and goes on after the last event: nothing is lost or told twice.\n"
        "Ends with Ctrl-C. Exit code 4 only when the server cannot be reached at first.",
        examples=(
            "alai mc watch --team drop --kinds claimed,released,done",
            "alai mc watch --task 99927 --kinds done --until-count 1 --timeout-seconds 3600",
            "alai mc watch --since 12h --json",
        ),
    ),
    Verb(
        "comment",
        "Say something about a task.",
        "alai.cli.mc.writing:comment",
        arguments=(ID, Argument("TEXT", "the words; - reads them from stdin")),
        options=(KEY, *COMMON),
        examples=('alai mc comment 99927 "Waiting for DNS"',),
    ),
    Verb(
        "comments",
        "What was said about a task, oldest first.",
        "alai.cli.mc.reading:comments",
        arguments=(ID,),
        options=(*PAGE, *COMMON),
        examples=("alai mc comments 99927",),
    ),
    Verb(
        "events",
        "What happened to a task, oldest first.",
        "alai.cli.mc.reading:events",
        arguments=(ID,),
        options=(*PAGE, *COMMON),
        examples=("alai mc events 99927 --json",),
    ),
)
