"""The traceparent header as https://www.w3.org/TR/trace-context/ has it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alai.kernel import context
from alai.kernel.tracing import Span, begin, parse, traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_valid_header_is_read() -> None:
    assert parse(f"00-{TRACE}-{SPAN}-01") == Span(TRACE, SPAN)


def test_a_later_version_may_say_more() -> None:
    assert parse(f"01-{TRACE}-{SPAN}-01-more") == Span(TRACE, SPAN)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"0x-{TRACE}-{SPAN}-01",
    ],
)
def test_any_other_header_is_ignored(header: str) -> None:
    assert parse(header) is None
    assert begin(header).trace_id != TRACE


@given(st.text())
def test_no_header_breaks_anything(header: str) -> None:
    span = begin(header)
    assert re.fullmatch("[0-9a-f]{32}", span.trace_id) and re.fullmatch("[0-9a-f]{16}", span.span_id)


def test_what_we_send_can_be_read_back() -> None:
    with context.acting(trace_id=TRACE, span_id=SPAN):
        assert parse(traceparent()) == Span(TRACE, SPAN)


def test_outside_of_a_request_there_is_nothing_to_send() -> None:
    assert traceparent() == ""
