"""The set of real mail that lies beside the repository. Its licences forbid shipping it: tests read it where it is."""

import hashlib
from functools import lru_cache
from pathlib import Path

import pytest

from inbox.mail import parse
from inbox.triage import Judgement, Surroundings, judge
from tests.inbox.triage.cases import NOW


def folder() -> Path:
    """Where the set lies; a test that needs it is skipped where there is none."""
    found = Path(__file__).resolve().parents[3] / "shared" / "mail"
    if not found.is_dir():
        pytest.skip(f"the set of real mail is not at {found}: put it there to measure the scan on it")
    return found


def files(kind: str) -> list[Path]:
    return sorted(path for path in (folder() / kind).rglob("*") if path.is_file())


def half(path: Path) -> int:
    """0 or 1 by the name's hash: signals and weights were first tuned on half 0 alone."""
    return hashlib.sha256(path.name.encode()).digest()[0] & 1


@lru_cache(maxsize=8)
def judged(kind: str) -> dict[Path, Judgement]:
    """All of a kind, as `triage_eml` judges them."""
    found = {}
    for path in files(kind):
        mail = parse(path.read_bytes())
        found[path] = judge(mail, Surroundings(now=mail.date or NOW))
    return found
