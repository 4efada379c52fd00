"""The command of the contract, as people call it and as its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.inbox import modern

ROOT = Path(__file__).resolve().parents[3]
PHISH = (
    "From: PayPal <x@evil.example>\nTo: ole@alai.example\nDate: Mon, 2 Mar 2026 09:00:00 +0000\nSubject: Verify\n\n"
    "Dear customer, your account has been suspended. Verify your account: http://203.0.113.9/login"
)
FIELDS = {"path", "verdict", "action", "score", "reasons", "partner_tier", "classification"}


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "phish.eml").write_text(PHISH)
    (folder / "a.eml").write_bytes(modern.build(modern.specifications()[14]))
    (folder / "empty.eml").write_bytes(b"")
    (folder / "noise.eml").write_bytes(bytes(range(256)) * 10)
    return folder


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    call_command("triage_eml", "--jsonl", *arguments)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_file_gets_a_line_with_the_fields_of_the_contract(
    letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(capsys, str(letters))
    assert [Path(line["path"]).name for line in found] == ["a.eml", "phish.eml", "empty.eml", "noise.eml"]
    assert all(line.keys() == FIELDS for line in found)
    phish = found[1]
    assert (phish["verdict"], phish["action"], phish["classification"]) == (
        "quarantine",
        "security_quarantine",
        "SPAM",
    )
    assert phish["score"] >= 5 and phish["reasons"] and phish["partner_tier"] == 0


def test_what_only_an_llm_could_decide_is_deferred(letters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = lines(capsys, str(letters / "a.eml"))
    assert (line["verdict"], line["action"]) == ("deferred", "llm_deferred")


def test_a_moment_makes_old_mail_too_old_but_keeps_it_from_nobody(
    letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(capsys, str(letters), "--at", "2027-06-01T00:00:00Z")
    assert [line["action"] for line in found][:2] == ["too_old", "security_quarantine"]


def test_a_file_that_cannot_be_read_gets_its_line_and_the_others_theirs(
    letters: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self.name == "empty.eml":
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    found = lines(capsys, str(letters))
    assert [line["reasons"] for line in found if line["path"].endswith("empty.eml")] == [["unreadable"]]
    assert len(found) == 4


def test_a_folder_that_leads_back_into_itself_is_walked_once(
    letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (letters / "loop").symlink_to(letters)
    os.mkfifo(letters / "pipe")
    assert len(lines(capsys, str(letters))) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["/no/such/file.eml"], "cannot be opened"),
        (["/dev/null"], "neither a file nor a directory"),
        (["--at", "yesterday", "."], "is no moment such as"),
        ([], "FILE_OR_DIR"),
    ],
)
def test_a_wrong_call_is_refused_with_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("triage_eml", *arguments)


def test_as_a_process_it_needs_no_server_and_tells_its_status(letters: Path) -> None:
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/x", "BROKER_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "manage.py", "triage_eml", str(letters)]
    good = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True, timeout=100
    )
    assert (good.returncode, len(good.stdout.splitlines())) == (0, 4)
    assert good.stdout.splitlines()[1].startswith("quarantine")


def test_a_wrong_call_as_a_process_ends_with_a_sentence_and_another_status() -> None:
    command = [sys.executable, "manage.py", "triage_eml", "/no/such/file"]
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert bad.returncode != 0
    assert "cannot be opened" in bad.stderr
    assert "Traceback" not in bad.stderr
