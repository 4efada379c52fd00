"""Each line is one JSON object with the handbook's required fields, whatever is logged."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from alai.kernel import context
from alai.kernel.logs import JsonFormatter, OutHandler, logging_config, setup

REQUIRED = {"timestamp", "level", "service", "version", "message", "trace_id", "span_id", "request_id"}


class Out:
    """A logger of the project's format whose lines can be read."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(JsonFormatter(service="mission-control", release="1.2.3"))
        self.logger = logging.Logger("tests")
        self.logger.addHandler(handler)

    def line(self) -> dict[str, Any]:
        (line,) = self.stream.getvalue().splitlines()
        parsed: dict[str, Any] = json.loads(line)
        return parsed


@pytest.fixture
def out() -> Out:
    return Out()


def test_a_line_has_the_required_fields(out: Out) -> None:
    with context.acting(request_id="r-1", trace_id="a" * 32, span_id="b" * 16):
        out.logger.info("Order %s created", 7, extra={"duration_ms": 45})
    line = out.line()
    assert line.keys() >= REQUIRED
    assert line | {"timestamp": ""} == {
        "timestamp": "",
        "level": "INFO",
        "service": "mission-control",
        "version": "1.2.3",
        "logger": "tests",
        "message": "Order 7 created",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "request_id": "r-1",
        "duration_ms": 45,
    }


def test_the_time_is_utc_with_milliseconds(out: Out) -> None:
    out.logger.info("now")
    stamp = out.line()["timestamp"]
    assert len(stamp) == len("2026-01-15T10:30:00.000Z") and stamp.endswith("Z")
    assert abs(datetime.fromisoformat(stamp).timestamp() - datetime.now().timestamp()) < 5  # noqa: DTZ005


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (logging.DEBUG, "DEBUG"),
        (logging.WARNING, "WARN"),
        (logging.ERROR, "ERROR"),
        (logging.CRITICAL, "ERROR"),
    ],
)
def test_levels_have_the_handbooks_names(out: Out, level: int, name: str) -> None:
    out.logger.log(level, "x")
    assert out.line()["level"] == name


def test_an_exception_is_one_masked_field(out: Out) -> None:
    try:
        raise ValueError("no mailbox ada@example.com")
    except ValueError:
        out.logger.exception("It failed")
    line = out.line()
    assert "ValueError: no mailbox user:" in line["exception"] and "ada@" not in line["exception"]
    assert "Traceback" in line["exception"] and line["message"] == "It failed"


def test_the_end_of_a_long_traceback_is_kept(out: Out) -> None:
    try:
        raise ValueError("x" * 30_000 + " the end")
    except ValueError:
        out.logger.exception("It failed")
    assert out.line()["exception"].endswith("the end")


def test_an_extra_cannot_replace_a_required_field(out: Out) -> None:
    out.logger.info("real", extra={"level": "ERROR", "service": "other", "request_id": "forged"})
    line = out.line()
    assert (line["level"], line["service"], line["request_id"]) == ("INFO", "mission-control", "")


def test_a_request_object_is_left_out(out: Out) -> None:
    out.logger.error(
        "Internal Server Error", extra={"request": "<WSGIRequest: GET '/x?token=abc'>", "status_code": 500}
    )
    assert "request" not in out.line() and out.line()["status_code"] == 500


def test_arguments_that_do_not_fit_still_give_a_line(out: Out) -> None:
    out.logger.info("%d and %d", "x")
    assert out.line()["message"] == "%d and %d (could not be formatted: TypeError)"


class Odd:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def test_objects_without_text_are_described(out: Out) -> None:
    out.logger.info("x", extra={"odd": Odd(), "list": [Odd()], "bytes": b"\xff", "nan": float("nan")})
    line = out.line()
    assert line["odd"] == "<Odd: its text raised RuntimeError>"
    assert (line["bytes"], line["nan"]) == ("<1 bytes>", "nan")


def test_a_message_without_text_is_described(out: Out) -> None:
    out.logger.info(Odd())
    assert out.line()["message"].startswith("<Odd> (could not be formatted")


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=12,
)
SURROGATES = st.text(st.characters(), max_size=40)


@given(SURROGATES, JSON_LIKE)
def test_anything_becomes_one_line_of_json(message: str, value: Any) -> None:
    out = Out()
    out.logger.info("%s", message, extra={"value": value})
    line = out.stream.getvalue()
    assert line.count("\n") == 1 and json.loads(line).keys() >= REQUIRED
    line.encode()


@pytest.fixture
def configured() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("configured")
def test_structlog_and_standard_loggers_write_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    setup(logging_config(level="INFO", service="mission-control", version="1"))
    structlog.get_logger("tests.events").info("claimed", task_id=4, by="ada@example.com")
    logging.getLogger("tests.events").info("claimed", extra={"task_id": 4, "by": "ada@example.com"})
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first | {"timestamp": ""} == second | {"timestamp": ""}
    assert first["message"] == "claimed" and first["by"].startswith("user:")


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("name", ["httpx", "celery.beat", "celery.worker.strategy", "django.request"])
def test_chatty_libraries_are_quiet(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    setup(logging_config(level="INFO", service="mission-control", version="1"))
    logging.getLogger(name).info("spam")
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("configured")
def test_an_unknown_level_counts_as_info(capsys: pytest.CaptureFixture[str]) -> None:
    setup(logging_config(level="loud", service="mission-control", version="1"))
    logging.getLogger("tests").debug("hidden")
    logging.getLogger("tests").info("shown")
    assert [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()] == ["shown"]


def test_a_management_command_keeps_stdout_for_its_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["./manage.py", "create_token"])
    logger = logging.Logger("tests")
    logger.addHandler(OutHandler())
    logger.info("aside")
    assert capsys.readouterr() == ("", "aside\n")
