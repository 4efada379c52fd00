import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.mail import limits, parse
from tests.inbox.mail import fuzz
from tests.inbox.mail.bombs import HEAD, bombs
from tests.inbox.mail.messages import codes

BOMBS = bombs()
NAMES = ("From", "To", "Subject", "Date", "Content-Type", "Reply-To", "Authentication-Results", "X")
_MEASURE = """
import resource, sys
from inbox.mail import parse
from tests.inbox.mail.bombs import bombs
unit = 2**20 if sys.platform == "darwin" else 2**10
found = bombs()
names = ("open formatting", "deep elements", "many attributes", "deep parts", "many parts", "open entities")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in names:
    parse(found[name])
print(1 + (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // unit)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_time(name: str) -> None:
    began = time.process_time()
    assert list(fuzz.problems(BOMBS[name])) == []
    assert time.process_time() - began < 3


def test_bombs_cost_little_memory() -> None:
    """Measured from outside: the HTML tokenizer's memory is not Python's."""
    child = subprocess.run(
        [sys.executable, "-c", _MEASURE], check=True, capture_output=True, text=True, timeout=60
    )
    assert 0 < int(child.stdout) < 150


def test_what_is_beyond_the_limits_is_noted() -> None:
    assert "headers_too_long" in codes(parse(BOMBS["many headers"]))
    assert "headers_too_many" in codes(parse(b"X: y\n" * 2000 + b"\nx"))
    assert "parts_too_many" in codes(parse(BOMBS["many parts"]))
    assert "nested_too_deep" in codes(parse(BOMBS["deep parts"]))
    assert "boundary_flood" in codes(parse(BOMBS["false boundaries"]))
    assert "html_too_large" in codes(parse(BOMBS["deep elements"]))


def test_only_the_first_bytes_of_an_endless_message_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BYTES", 1000)
    mail = parse(HEAD + b"\r\n" + b"x" * 5000)
    assert "too_large" in codes(mail)
    assert mail.size == len(HEAD) + 2 + 5000
    assert len(mail.text) < 1000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_a_message(raw: bytes) -> None:
    assert list(fuzz.problems(raw)) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=80)), max_size=8), st.text(max_size=300))
def test_any_headers_and_any_text_are_a_message(headers: list[tuple[str, str]], body: str) -> None:
    lines = "".join(f"{name}: {value}\n" for name, value in headers)
    assert list(fuzz.problems((lines + "\n" + body).encode("utf-8", "replace"))) == []


def test_seconds_of_mutants_break_nothing() -> None:
    """`make soak` mutates for as long as it is told."""
    report = fuzz.run(1.5, seed=int(time.time()) % 100_000)
    assert report.broken == ()
    assert report.count > 20
