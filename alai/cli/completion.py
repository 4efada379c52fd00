"""`alai completion SHELL`: a script that completes commands, verbs, options and their choices."""

from __future__ import annotations

from alai.cli.commands import COMMANDS, load
from alai.cli.errors import DONE
from alai.cli.options import Argument, Verb
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.options import Given

SHELLS = ("bash", "zsh", "fish")

VERB = Verb(
    "completion",
    "Print a completion script for a shell.",
    "alai.cli.completion:completion",
    arguments=(Argument("SHELL", "bash, zsh or fish", choices=SHELLS),),
    examples=(
        "alai completion bash > ~/.local/share/bash-completion/completions/alai",
        "alai completion zsh > ~/.zfunc/_alai",
        "alai completion fish > ~/.config/fish/completions/alai.fish",
    ),
)

BASH = """\
# bash completion of alai
_alai() {{
    local words
    COMPREPLY=()
    case "${{COMP_WORDS[*]:1:COMP_CWORD-1}}" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _alai alai
"""

ZSH = """\
#compdef alai
# zsh completion of alai
_alai() {{
    local before="${{(j: :)words[2,CURRENT-1]}}"
    case "$before" in
{cases}
    esac
}}
if [ "$funcstack[1]" = "_alai" ]; then _alai "$@"; else compdef _alai alai; fi
"""


def completion(given: Given) -> int:
    tell({"bash": _bash, "zsh": _zsh, "fish": _fish}[given.text("SHELL")]().rstrip())
    return DONE


def _paths() -> dict[str, tuple[list[str], Verb | None]]:
    """What may follow each beginning: `""`, `mc`, `mc claim`, ..."""
    paths: dict[str, tuple[list[str], Verb | None]] = {"": (list(COMMANDS), None)}
    for name, module_name in COMMANDS.items():
        module = load(module_name)
        if hasattr(module, "VERB"):
            paths[name] = (_words(module.VERB), module.VERB)
            continue
        paths[name] = ([verb.name for verb in module.VERBS], None)
        for verb in module.VERBS:
            paths[f"{name} {verb.name}"] = (_words(verb), verb)
    return paths


def _words(verb: Verb) -> list[str]:
    places = [choice for argument in verb.arguments for choice in argument.choices]
    return [*places, *(f"--{option.name}" for option in verb.options), "--help"]


def _choices() -> list[tuple[str, str, tuple[str, ...]]]:
    """(path, option, choices) for every option with a set of values."""
    return [
        (path, option.name, option.choices)
        for path, (_, verb) in _paths().items()
        if verb is not None
        for option in verb.options
        if option.choices
    ]


def _free() -> list[str]:
    """The options whose value can be anything, a file's name for instance."""
    verbs = [verb for _, verb in _paths().values() if verb is not None]
    names = {one.name for verb in verbs for one in verb.options if one.metavar and not one.choices}
    return sorted(names - {name for _, name, _ in _choices()})


def _cases(act: str, anything: str) -> str:
    """Values first, as `mc list --status` is a beginning of its own; longer beginnings before shorter ones."""
    lines = [_case(f'"{path}"*" --{name}"', " ".join(choices), act) for path, name, choices in _choices()]
    lines.append(_case("|".join(f'*" --{name}"' for name in _free()), "", anything))
    for path, (words, verb) in sorted(_paths().items(), reverse=True):
        pattern = f'"{path}"|"{path} "*' if verb else f'"{path}"'
        lines.append(_case(pattern, " ".join(words), act))
    return "\n".join(lines)


def _case(pattern: str, words: str, act: str) -> str:
    return f"        {pattern}) {act.format(words=words)} ;;"


def _bash() -> str:
    return BASH.format(cases=_cases('words="{words}"', 'words=""'))


def _zsh() -> str:
    return ZSH.format(cases=_cases("compadd -- {words}", "_files"))


def _fish() -> str:
    lines = [
        "# fish completion of alai",
        "complete -c alai -f -n __fish_use_subcommand -a '" + " ".join(COMMANDS) + "'",
    ]
    for path, (words, verb) in _paths().items():
        first, _, second = path.partition(" ")
        seen = f"__fish_seen_subcommand_from {first}"
        if verb is None:
            if path:
                others = f"{seen}; and not __fish_seen_subcommand_from {' '.join(words)}"
                lines.append(f"complete -c alai -f -n '{others}' -a '{' '.join(words)}'")
            continue
        here = f"{seen}; and __fish_seen_subcommand_from {second}" if second else seen
        places = " ".join(word for word in words if not word.startswith("--"))
        if places:
            lines.append(f"complete -c alai -f -n '{here}' -a '{places}'")
        for option in verb.options:
            values = (
                f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r" if option.metavar else ""
            )
            short = f" -s {option.short}" if option.short else ""
            help_text = option.help.replace("'", "")
            lines.append(f"complete -c alai -n '{here}' -l {option.name}{short}{values} -d '{help_text}'")
    return "\n".join([*lines, ""])
