"""Everything explains itself, and what cannot be understood is told in one sentence."""

import shutil
import subprocess
from pathlib import Path

import pytest

from alai.cli import mc
from alai.cli.commands import COMMANDS
from tests.cli.desk import Desk

VERBS = [verb.name for verb in mc.VERBS]
SINGLE = [name for name in COMMANDS if name != "mc"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_help_lists_every_command_and_verb(desk: Desk) -> None:
    assert all(name in desk.run("--help").out for name in COMMANDS)
    assert all(verb in desk.run("mc", "--help").out for verb in VERBS)
    assert desk.run("--version").out.startswith("alai ")


@pytest.mark.parametrize("words", [*(("mc", verb) for verb in VERBS), *((name,) for name in SINGLE)])
def test_every_verb_has_help_with_an_example(desk: Desk, words: tuple[str, ...]) -> None:
    helped = desk.run(*words, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert f"Usage: alai {' '.join(words)}" in helped.out
    assert "Examples:" in helped.out


def test_no_command_is_a_usage_error(desk: Desk) -> None:
    for words in ((), ("mc",)):
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
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(desk: Desk, words: tuple[str | bytes, ...]) -> None:
    command = [*desk.command, *words]
    told = subprocess.run(
        command, env=desk.variables(), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    assert (told.returncode, told.stdout, told.stderr.count(b"\n")) == (2, b"", 1), told.stderr


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    command = f"{desk.command[0]} {desk.command[1]} mc --help | true"
    told = subprocess.run(["sh", "-c", command], env=desk.variables(), capture_output=True, check=False)
    assert told.stderr == b""


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("alai ", {"mc", "login"}),
        ("alai mc cl", {"claim", "clearance", "claim-sweep"}),
        ("alai mc claim 5 --t", {"--ttl-minutes"}),
        ("alai mc list --status ", {"in_progress", "done"}),
        ("alai completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(desk: Desk, line: str, wanted: set[str]) -> None:
    ask = """
        eval "$1"; line=$2
        read -ra COMP_WORDS <<< "$line"; [[ $line == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _alai; printf '%s\\n' "${COMPREPLY[@]}"
    """
    script = desk.run("completion", "bash").out
    told = subprocess.run(
        ["bash", "-c", ask, "bash", script, line], capture_output=True, text=True, check=True
    )
    assert wanted <= set(told.stdout.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid_in_its_shell(desk: Desk, shell: str) -> None:
    script = desk.run("completion", shell)
    assert all(verb in script.out for verb in VERBS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    told = subprocess.run([shell, "-n"], input=script.out, text=True, capture_output=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
