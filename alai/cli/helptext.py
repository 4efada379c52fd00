"""Help, written from the verbs' own data."""

from __future__ import annotations

from alai.cli.commands import COMMANDS, load
from alai.cli.options import Argument, Option, Verb

WIDTH = 26
EXIT_CODES = "Exit codes: 0 done, 1 refused (the reason is on stderr), 2 usage, 4 server unreachable."
ENVIRONMENT = """Environment: ALAI_MC_URL, ALAI_TOKEN, ALAI_ACTOR, ALAI_SESSION; else ~/.config/alai/config.toml, which
`alai login` writes. Without a server, the mc verbs work on the legacy file in ALAI_MC_DB. ALAI_TIMEOUT: 10 (s)."""


def of_all() -> str:
    lines = ["Usage: alai COMMAND ...", "", "Mission Control for agents and people.", "", "Commands:"]
    for name, module in COMMANDS.items():
        loaded = load(module)
        lines.append(_row(name, loaded.VERB.summary if hasattr(loaded, "VERB") else loaded.SUMMARY))
    examples = [
        "",
        "Examples:",
        "  alai login --url https://mc.example.com",
        "  alai mc claim 99927 --ttl-minutes 10",
        "  alai mc watch --team drop",
        '  alai hive post deploys "Site is up."',
    ]
    return "\n".join([*lines, *examples, "", "`alai COMMAND --help` explains each.", ENVIRONMENT, EXIT_CODES])


def of_group(group: str) -> str:
    module = load(COMMANDS[group])
    lines = [f"Usage: alai {group} VERB ...", "", module.SUMMARY, "", "Verbs:"]
    lines += [_row(verb.name, verb.summary) for verb in module.VERBS]
    examples = [f"  {verb.examples[0]}" for verb in module.VERBS if verb.examples][:4]
    closing = [
        "",
        "Examples:",
        *examples,
        "",
        f"`alai {group} VERB --help` explains each.",
        ENVIRONMENT,
        EXIT_CODES,
    ]
    return "\n".join([*lines, *closing])


def of_verb(verb: Verb, command: str) -> str:
    places = " ".join(map(_place, verb.arguments))
    usage = " ".join(
        part for part in ("Usage:", command, "[options]" if verb.options else "", places) if part
    )
    lines = [usage, "", verb.summary]
    if verb.notes:
        lines += ["", verb.notes]
    if verb.arguments:
        lines += ["", "Arguments:", *(_row(one.name, one.help) for one in verb.arguments)]
    lines += ["", "Options:", *(_option(option) for option in verb.options), _row("--help", "this text")]
    if verb.examples:
        lines += ["", "Examples:", *(f"  {example}" for example in verb.examples)]
    return "\n".join([*lines, "", EXIT_CODES])


def _place(argument: Argument) -> str:
    if argument.rest:
        return f"-- {argument.name}..."
    name = f"{argument.name}..." if argument.many else argument.name
    return f"[{name}]" if argument.optional else name


def _option(option: Option) -> str:
    text = option.help
    if option.choices:
        text += f": {', '.join(option.choices)}"
    if option.many:
        text += " (repeatable)"
    short = f"-{option.short}, " if option.short else ""
    return _row(f"{short}--{option.name} {option.metavar}".rstrip(), text)


def _row(left: str, right: str) -> str:
    gap = " " * max(2, WIDTH - len(left))
    return f"  {left}{gap}{right}"
