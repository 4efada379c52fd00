"""`alai routing`: which server takes which tier of models, and the files by which a host's dispatch knows it."""

from alai.cli.common import JSON, URL
from alai.cli.options import Option, Verb

SUMMARY = "Routing of tiers to model servers, also while Mission Control is away."

VERBS = (
    Verb(
        "show",
        "Which server and model take each tier now, and why.",
        "alai.cli.routing.reading:show",
        options=(Option("from", "the host whose addresses are meant", "NAME"), JSON, URL),
        examples=("alai routing show", "alai routing show --from anvil --json"),
    ),
    Verb(
        "sync",
        "Look at the model servers from here, and write the files that this host's dispatch reads.",
        "alai.cli.routing.sync:sync",
        options=(
            Option("host", "its name in the registry; default ALAI_HOST, else this machine's", "NAME"),
            Option("dir", "where the health and override files are written, default /tmp", "FOLDER"),
            Option(
                "tier-routing",
                "a tier-routing.json whose ollamaHosts and failoverRules are kept up to date",
                "FILE",
            ),
            Option("every", "go on, with so many seconds between two looks", "SECONDS", whole=(5, 3600)),
            JSON,
            URL,
        ),
        notes="Writes ollama-health.json from its own looks, and ollama-health-override.json while an override\n"
        "stands; one that was written by hand stays as it is. While the server is away it goes on\n"
        "with the plan that it last got, and exits with 4.",
        examples=(
            "alai routing sync --host anvil",
            "alai routing sync --host forge --every 15 --tier-routing ~/system/config/tier-routing.json",
        ),
    ),
)
