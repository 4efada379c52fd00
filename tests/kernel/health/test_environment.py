"""What the environment says is taken to the letter or refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from alai.kernel.environment import choice, clock, flag, number, whole

READERS: dict[str, Callable[[], Any]] = {
    "flag": lambda: flag("ASKED", default=True),
    "whole": lambda: whole("ASKED", 8, least=1, most=200),
    "number": lambda: number("ASKED", 0.5, most=10),
    "choice": lambda: choice("ASKED", "production", "staging"),
    "clock": lambda: clock("ASKED", "08:00"),
}


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        ("flag", "0", False), ("flag", " YES ", True), ("flag", "", True),
        ("whole", "1", 1), ("whole", "200", 200), ("whole", "", 8),
        ("number", "0", 0.0), ("number", "2.5", 2.5), ("number", "10", 10.0), ("number", " ", 0.5),
        ("choice", "Staging", "staging"), ("choice", "", "production"),
        ("clock", "23:59", "23:59"), ("clock", "", "08:00"),
    ],
)  # fmt: skip
def test_what_means_something_is_taken(
    reader: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKED", text)
    assert READERS[reader]() == value
    monkeypatch.delenv("ASKED")
    READERS[reader]()


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("flag", "maybe"),
        ("whole", "0"), ("whole", "201"), ("whole", "-5"), ("whole", "2.5"), ("whole", "x"), ("whole", "9" * 5000),
        ("whole", "٨"),
        ("number", "-1"), ("number", "11"), ("number", "nan"), ("number", "inf"), ("number", "much"),
        ("choice", "prod"),
        ("clock", "8"), ("clock", "24:00"), ("clock", "08:60"), ("clock", "08:00:00"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_by_its_name(
    reader: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKED", text)
    with pytest.raises(ImproperlyConfigured, match="ASKED="):
        READERS[reader]()
