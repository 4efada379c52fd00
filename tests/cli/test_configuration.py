"""Which server, as whom: flags, environment, and the file that `alai login` writes."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cast import Cast, make_task
from tests.cli.desk import ROOT, Desk


@pytest.fixture
def bare(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def file_of(desk: Desk) -> Path:
    return desk.home / ".config" / "alai" / "config.toml"


def test_login_checks_the_token_and_keeps_it_for_its_owner_alone(
    bare: Desk, address: str, people: Cast
) -> None:
    words = ("login", "--url", address + "/", "--actor", "john", "--token", "-")
    refused = bare.run(*words, text="mct_wrong\n")
    assert (refused.code, file_of(bare).exists()) == (1, False)
    done = bare.run(*words, text=people.john.token + "\n")
    assert (done.code, done.err) == (0, "")
    assert people.john.token not in done.out
    assert file_of(bare).stat().st_mode & 0o777 == 0o600
    task = make_task()
    assert bare.mc("claim", task.pk, "--session", "s").out.startswith(f"Task {task.pk} held by john:s until ")


def test_login_keeps_the_rest_of_the_file(bare: Desk, address: str, people: Cast) -> None:
    file_of(bare).parent.mkdir(parents=True)
    file_of(bare).write_text('# mine\nurl = "https://old.example.com"\nlimit = 3\n[other]\nurl = "x"\n')
    assert bare.run("login", "--url", address, text=people.john.token).code == 0
    kept = file_of(bare).read_text()
    assert "old.example.com" not in kept
    assert '# mine\nlimit = 3\n[other]\nurl = "x"' in kept
    assert bare.mc("list").code == 0


def test_a_token_on_the_command_line_is_refused_and_not_repeated(bare: Desk) -> None:
    for words in (
        ("login", "--token", "mct_abc123"),
        ("login", "mct_abc123"),
        ("mct_abc123",),
        ("mc", "mct_abc123"),
    ):
        refused = bare.run(*words)
        assert refused.code == 2
        assert "abc123" not in refused.err


def test_a_token_goes_to_no_other_server_than_its_own(bare: Desk) -> None:
    file_of(bare).parent.mkdir(parents=True)
    file_of(bare).write_text('url = "https://mc.example.com"\ntoken = "mct_abc"\n')
    refused = bare.mc("list", "--url", "http://127.0.0.1:1")
    assert refused.code == 2
    assert "no token for http://127.0.0.1:1" in refused.err


def test_a_token_that_is_refused_is_not_shown(bare: Desk, address: str) -> None:
    refused = bare.mc("list", ALAI_MC_URL=address, ALAI_TOKEN="mct_abcdef")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "abcdef" not in refused.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALAI_MC_URL", "mc.example.com"),
        ("ALAI_MC_URL", "http://me:secret@host"),
        ("ALAI_MC_URL", "ftp://host"),
        ("ALAI_MC_URL", "http://host:99999"),
        ("ALAI_TOKEN", "two words"),
        ("ALAI_TOKEN", "line\nfeed"),
        ("ALAI_ACTOR", "a b"),
        ("ALAI_ACTOR", "-x"),
        ("ALAI_SESSION", "a:b"),
        ("ALAI_SESSION", "a/b/c"),
        ("ALAI_SESSION", "x" * 121),
        ("ALAI_TIMEOUT", "soon"),
        ("ALAI_TIMEOUT", "nan"),
        ("ALAI_TIMEOUT", "0"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(bare: Desk, name: str, value: str) -> None:
    fine = {"ALAI_MC_URL": "http://127.0.0.1:1", "ALAI_TOKEN": "t", "ALAI_ACTOR": "john", "ALAI_SESSION": "s"}
    refused = bare.mc("claim", 1, **{**fine, name: value})
    assert (refused.code, refused.err.count("\n")) == (2, 1), refused
    assert "secret" not in refused.err


@pytest.mark.parametrize("text", ["url = ", "\x00", 'url = "a"\nurl = "b"', "[", "\udcff"])
def test_a_damaged_file_is_one_sentence(bare: Desk, text: str) -> None:
    file_of(bare).parent.mkdir(parents=True)
    file_of(bare).write_bytes(text.encode(errors="surrogateescape"))
    refused = bare.mc("list")
    assert (refused.code, refused.err.count("\n")) == (2, 1), refused


def test_other_toml_is_understood_too(bare: Desk, address: str, people: Cast) -> None:
    file_of(bare).parent.mkdir(parents=True)
    file_of(bare).write_text(
        f'url = \'{address}\'  # ours\ntoken = """{people.john.token}"""\n[run]\nx = 1\n'
    )
    assert bare.mc("list").code == 0


def test_commands_of_one_shell_share_a_session_and_those_of_another_do_not(john: Desk) -> None:
    task = make_task()
    alai = f"{john.command[0]} {john.command[1]} mc"
    script = f"{alai} claim {task.pk}; {alai} claim-extend {task.pk}; exit $?"
    variables = john.variables(ALAI_SESSION="")
    told = subprocess.run(
        ["sh", "-c", script], env=variables, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert told.returncode == 0
    assert re.search(r"held by john:sh-[\w-]+ until", told.stdout)
    assert (
        subprocess.run(["sh", "-c", script], env=variables, capture_output=True, check=False).returncode == 1
    )
