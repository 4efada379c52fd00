"""Everything explains itself, and what cannot be understood is told in one sentence."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from alai.cli.commands import COMMANDS, load
from alai.cli.options import parse
from tests.cli.desk import Desk

MODULES = {name: load(module) for name, module in COMMANDS.items()}
GROUPS = {
    name: [verb.name for verb in module.VERBS] for name, module in MODULES.items() if hasattr(module, "VERBS")
}
VERBS = [(group, verb) for group, verbs in GROUPS.items() for verb in verbs]
SINGLE = [(name,) for name in COMMANDS if name not in GROUPS]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_help_lists_every_command_and_verb(desk: Desk) -> None:
    assert all(name in desk.run("--help").out for name in COMMANDS)
    for group, verbs in GROUPS.items():
        assert all(verb in desk.run(group, "--help").out for verb in verbs)
    assert desk.run("--version").out.startswith("alai ")


@pytest.mark.parametrize("words", [*VERBS, *SINGLE])
def test_every_verb_has_help_with_an_example(desk: Desk, words: tuple[str, ...]) -> None:
    helped = desk.run(*words, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert f"Usage: alai {' '.join(words)}" in helped.out
    assert "Examples:" in helped.out
    assert max(map(len, helped.out.splitlines())) <= 130


def test_every_example_is_one_that_the_command_understands() -> None:
    """Up to the point where it would act."""
    for name, module in MODULES.items():
        for verb in getattr(module, "VERBS", [getattr(module, "VERB", None)]):
            for example in verb.examples:
                words = shlex.split(example.rpartition("| ")[2].partition(" > ")[0])
                assert words[: words.index(verb.name) + 1] in (["alai", name, verb.name], ["alai", verb.name])
                parse(verb, words[words.index(verb.name) + 1 :], example)


def test_no_command_is_a_usage_error(desk: Desk) -> None:
    for words in ((), *((group,) for group in GROUPS)):
        helped = desk.run(*words)
        assert (helped.code, helped.out) == (2, "")
        assert "Usage:" in helped.err


@pytest.mark.parametrize(
    "words",
    [
        ("fly",),
        ("mc", "fly"),
        ("mc", "claim"),
        ("mc", "claim", "x"),
        ("mc", "claim", "0"),
        ("mc", "claim", "-1"),
        ("mc", "claim", "9" * 30),
        ("mc", "claim", "²"),
        ("mc", "claim", "1", "2"),
        ("mc", "claim", "1", "--ttl-minutes", "0"),
        ("mc", "claim", "1", "--ttl-minutes", "1441"),
        ("mc", "claim", "1", "--ttl-minutes"),
        ("mc", "claim", "1", "--json=yes"),
        ("mc", "claim", "1", "--fast"),
        ("mc", "claim", "1", "--actor", "a", "--actor", "b"),
        ("mc", "claim", b"\xff"),
        ("mc", "add", b"\xff"),
        ("mc", "list", "--status", "finished"),
        ("mc", "list", "--limit", "501"),
        ("mc", "show", "1", "--", "2"),
        ("completion", "tcsh"),
        ("login", "--url", "nowhere"),
        ("login",),
        ("mc", "list"),
        ("hive", "recall"),
        ("mc", "add", "x", "--due", "yesterday"),
        ("mc", "add", "x", "--due", "20260601"),
        ("mc", "add", "x", "--cost", "much"),
        ("mc", "add", "x", "--parent", "none"),
        ("mc", "update", "1", "--title", " "),
        ("mc", "list", "--since", "never"),
        ("mc", "watch", "--since", "-1h"),
        ("mc", "watch", "--until-count", "0"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(desk: Desk, words: tuple[str | bytes, ...]) -> None:
    command = [*desk.command, *words]
    server = (
        {} if words[-1] in ("list", "recall") else {"ALAI_MC_URL": "http://127.0.0.1:1", "ALAI_TOKEN": "t"}
    )
    told = subprocess.run(
        command, env=desk.variables(**server), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    assert (told.returncode, told.stdout, told.stderr.count(b"\n")) == (2, b"", 1), told.stderr


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    command = f"{desk.command[0]} {desk.command[1]} mc --help | true"
    told = subprocess.run(["sh", "-c", command], env=desk.variables(), capture_output=True, check=False)
    assert told.stderr == b""


COMPLETED = [
    ("alai ", {"mc", "hive", "login"}),
    ("alai mc cl", {"claim", "clearance", "claim-sweep"}),
    ("alai mc claim 5 --t", {"--ttl-minutes"}),
    ("alai mc list --status ", {"in_progress", "done"}),
    ("alai mc watch --ki", {"--kinds"}),
    ("alai hive ", {"post", "tail", "remember", "recall"}),
    ("alai hive tail --channel ops --f", {"--follow"}),
    ("alai completion ", {"bash", "zsh", "fish"}),
]
IN_BASH = """
    eval "$1"; line=$2
    read -ra COMP_WORDS <<< "$line"; [[ $line == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _alai; printf '%s\\n' "${COMPREPLY[@]}"
"""
# zsh's own machinery runs only under its line editor: what it would be handed is printed instead.
IN_ZSH = """
    compdef() { :; }; compadd() { shift; print -l -- $@; }; _files() { print FILES; }
    eval "$1"; words=(${=2}); [[ $2 == *" " ]] && words+=(""); CURRENT=$#words; _alai
"""
IN_FISH = "printf '%s' $argv[1] | source; complete -C $argv[2]"


def completed(desk: Desk, shell: str, line: str) -> set[str]:
    """What the shell offers; zsh and our own words for it leave the matching of the last word to others."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = desk.run("completion", shell).out
    ask = {
        "bash": ["bash", "-c", IN_BASH, "bash"],
        "zsh": ["zsh", "-f", "-c", IN_ZSH, "zsh"],
        "fish": ["fish", "--no-config", "-c", IN_FISH],
    }[shell]
    told = subprocess.run(
        [*ask, script, line], capture_output=True, text=True, check=True, env=desk.variables(), timeout=60
    )
    assert told.stderr == ""
    return {row.split("\t")[0] for row in told.stdout.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(("line", "wanted"), COMPLETED)
def test_a_shell_completes(desk: Desk, shell: str, line: str, wanted: set[str]) -> None:
    assert wanted <= completed(desk, shell, line)


def test_a_value_that_can_be_anything_is_left_to_the_shell(desk: Desk) -> None:
    assert completed(desk, "bash", "alai mc done 5 --evidence ") == {""}
    assert completed(desk, "zsh", "alai mc done 5 --evidence ") == {"FILES"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_every_verb_and_is_valid(desk: Desk, shell: str) -> None:
    script = desk.run("completion", shell)
    assert all(verb in script.out for _, verb in VERBS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    told = subprocess.run([shell, "-n"], input=script.out, text=True, capture_output=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
