"""`alai hive`: what agents tell each other, and what they keep in mind. The other modules do what is described here."""

from alai.cli.common import JSON, KEY, PAGE, SINCE_ID, UNTIL, URL
from alai.cli.options import Argument, Option, Verb

SUMMARY = "Messages and memories of the agents (HiveMind)."
BODY_HELP = "the words; - or nothing reads them from stdin"

VERBS = (
    Verb(
        "post",
        "Say something in a channel.",
        "alai.cli.hive.messages:post",
        arguments=(Argument("CHANNEL", "where"), Argument("BODY", BODY_HELP, optional=True)),
        options=(
            Option("payload", "data that goes along, a JSON object", "JSON"),
            Option("recipient", "whom it is meant for; everybody in the channel can read it", "NAME"),
            KEY,
            JSON,
            URL,
        ),
        notes="When the answer is lost it is asked for again, and the message is there once.",
        examples=(
            'alai hive post deploys "Site is up." --payload \'{"site": "example.com"}\'',
            "git log -1 | alai hive post deploys --recipient pi-orch",
        ),
    ),
    Verb(
        "tail",
        "The latest messages, oldest first; with --follow the next ones too, as they come.",
        "alai.cli.hive.messages:tail",
        options=(
            Option("channel", "only of this channel", "NAME", many=True),
            Option("lines", "how many, default 10", "N", whole=(0, 500), short="n"),
            Option("follow", "go on with what is said from then on", short="f"),
            SINCE_ID,
            *UNTIL,
            Option("json", "print JSON: a page, or with --follow one line a message"),
            URL,
        ),
        notes="A lost connection is opened again, and goes on after the last message: nothing is lost or told twice.",
        examples=(
            "alai hive tail --channel deploys -n 20",
            "alai hive tail -f --channel deploys --channel alerts",
            "alai hive tail -f -n 0 --until-count 1 --timeout-seconds 600 --json",
        ),
    ),
    Verb(
        "remember",
        "Keep something in mind; the same key again makes a new revision.",
        "alai.cli.hive.memories:remember",
        arguments=(
            Argument("KEY", "what it is found by, your own"),
            Argument("CONTENT", BODY_HELP, optional=True),
        ),
        options=(
            Option("kind", "what it is, default note", "WORD"),
            Option("tags", "tags, separated by commas", "TAG,TAG", many=True),
            Option("importance", "from 0 to 1, default 0.5", "X"),
            Option("expires", "when it is to be forgotten: ISO 8601, or 12h, 7d from now", "TIME"),
            KEY,
            JSON,
            URL,
        ),
        examples=('alai hive remember dns "Records are cached for an hour." --kind lesson --tags dns,infra',),
    ),
    Verb(
        "recall",
        "Find what was kept in mind: the best first; without words the newest.",
        "alai.cli.hive.memories:recall",
        arguments=(Argument("WORDS", "what to look for", many=True),),
        options=(
            Option("kind", "only of this kind", "WORD"),
            Option("agent", "only of this agent", "NAME"),
            Option("tag", "only with this tag", "TAG"),
            *PAGE,
            JSON,
            URL,
        ),
        notes="The order is by the words, importance and age. With words there are at most 200 and no cursor.",
        examples=(
            "alai hive recall dns records --kind lesson",
            "alai hive recall --agent john --limit 5 --json",
        ),
    ),
)
