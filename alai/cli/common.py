"""Options that verbs of several commands share."""

from alai.cli.options import BIGGEST, Option

JSON = Option("json", "print JSON")
URL = Option("url", "the server; default ALAI_MC_URL", "URL")
WHO = (
    Option("actor", "who you are; default ALAI_ACTOR, else the token's own", "NAME"),
    Option("session", "your session; default ALAI_SESSION, else this terminal's or shell's", "SESSION"),
    URL,
)
COMMON = (JSON, *WHO)
PAGE = (
    Option("limit", "how many, default 50, at most 500", "N", whole=(1, 500)),
    Option("cursor", "go on where the last list ended", "CURSOR"),
)
KEY = Option("idempotency-key", "settles a run whose outcome was unknown: the key that it named", "KEY")
SINCE_ID = Option("last-event-id", "go on after this one, as --json shows it", "ID")
UNTIL = (
    Option(
        "until-count", "stop after so many; exit code 1 when time runs out before", "N", whole=(1, BIGGEST)
    ),
    Option("timeout-seconds", "stop after so long", "N", whole=(1, BIGGEST)),
)
