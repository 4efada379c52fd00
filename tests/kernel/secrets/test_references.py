"""A password is found by its reference, and an error names the place, never the secret."""

import os
from pathlib import Path

import pytest

from alai.kernel.secret_references import SecretUnavailable, check, resolve


def refused(reference: str) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        resolve(reference)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cret €\r\n")
    path.chmod(0o600)
    return path


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD_POST", " as it is ")
    assert resolve("env:MAIL_PASSWORD_POST") == " as it is "


def test_a_missing_or_empty_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAIL_PASSWORD_POST", raising=False)
    assert "MAIL_PASSWORD_POST is not set" in refused("env:MAIL_PASSWORD_POST")
    monkeypatch.setenv("MAIL_PASSWORD_POST", "")
    assert "MAIL_PASSWORD_POST is not set" in refused("env:MAIL_PASSWORD_POST")


def test_a_private_file_without_the_break_at_its_end(file: Path) -> None:
    assert resolve(f"file:{file}") == "s3cret €"
    link = file.with_name("link")
    link.symlink_to(file)
    assert resolve(f"file:{link}") == "s3cret €"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert "chmod 600" in refused(f"file:{file}")


def test_what_is_no_secret_file_is_told(file: Path, tmp_path: Path) -> None:
    assert "does not exist" in refused(f"file:{tmp_path}/none")
    assert "cannot be read" in refused(f"file:{file}/below")
    file.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refused(f"file:{file}")
    file.write_bytes(b"\n")
    assert "holds no password" in refused(f"file:{file}")
    file.write_bytes(b"x" * 100_000)
    assert "holds no password" in refused(f"file:{file}")


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "no regular file" in refused(f"file:{tmp_path}/pipe")


@pytest.mark.parametrize("reference", ["", "hunter2", "env:", "vault:x", "file:", "hunter2:env"])
def test_a_password_in_place_of_a_reference_is_not_repeated(reference: str) -> None:
    sentence = refused(reference)
    assert "env:NAME or file:/path" in sentence and "hunter2" not in sentence


def test_a_reference_can_be_checked_before_its_secret_is_there() -> None:
    check("env:NOT_YET")
    check("file:/not/yet")
    for wrong in ("env:1x", "env:a-b", "file:relative", "x"):
        with pytest.raises(SecretUnavailable):
            check(wrong)
