"""Every request has an id and a span, one log line and its metrics."""

import re

import pytest

from tests.kernel.middleware.site import Site

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_sane_request_id_is_taken_over(site: Site) -> None:
    reply = site.client.get("/api/fine/1", headers={"X-Request-ID": "req-42.a_B"})
    assert reply.headers["X-Request-ID"] == reply.json()["request_id"] == "req-42.a_B"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ø", 'a"b', "a\tb", "a/../b"])
def test_any_other_request_id_is_replaced(site: Site, given: str) -> None:
    reply = site.client.get("/api/fine/1", headers=[(b"X-Request-ID", given.encode("latin-1"))])
    assert re.fullmatch("[0-9a-f]{32}", reply.headers["X-Request-ID"])


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/fail/bug", "/static/nothing.css", "/health", "/stream", "/"]
)
def test_every_reply_carries_a_request_id(site: Site, path: str) -> None:
    assert site.client.get(path).headers["X-Request-ID"]


def test_the_callers_trace_goes_on_with_a_span_of_our_own(site: Site) -> None:
    reply = site.client.get("/api/fine/1", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert reply.json()["trace_id"] == TRACE
    version, trace, span, _flags = reply.headers["traceresponse"].split("-")
    assert (version, trace) == ("00", TRACE) and span != "00f067aa0ba902b7"


def test_a_broken_traceparent_starts_a_new_trace(site: Site) -> None:
    reply = site.client.get("/api/fine/1", headers={"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
    assert re.fullmatch("[0-9a-f]{32}", reply.json()["trace_id"]) and reply.json()["trace_id"].strip("0")


def test_one_line_tells_of_the_request_without_its_ids_and_query(site: Site) -> None:
    site.client.get("/api/fine/99927?token=geheim", headers={"X-Request-ID": "one-line"})
    (line,) = site.lines(request_id="one-line")
    assert line["message"] == "GET /api/fine/<int:number> 200"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/fine/<int:number>", 200)
    assert line["level"] == "INFO" and 0 < line["duration_ms"] < 5000
    assert len(line["trace_id"]) == 32 and len(line["span_id"]) == 16
    assert "geheim" not in str(line) and "99927" not in str(line)


def test_health_leaves_no_line(site: Site) -> None:
    site.client.get("/health", headers={"X-Request-ID": "quiet-one"})
    site.client.get("/api/fine/1", headers={"X-Request-ID": "loud-one"})
    assert site.lines(request_id="loud-one") and not [
        x for x in site.lines() if x["request_id"] == "quiet-one"
    ]


def test_an_unhandled_error_is_logged_once_with_its_trace(site: Site) -> None:
    site.client.get("/api/fail/bug?password=geheim", headers={"X-Request-ID": "the-bug"})
    assert site.lines(request_id="the-bug", status=500)
    errors = [line for line in site.lines(request_id="the-bug") if line["level"] == "ERROR"]
    (error,) = errors
    assert "ZeroDivisionError: the secret inner detail" in error["exception"]
    assert "geheim" not in site.log.read_text()


def test_a_refusal_is_no_error_of_ours(site: Site) -> None:
    for number, path in enumerate(
        ("/api/nothing", "/api/fail/denied", "/api/fail/conflict", "/api/fail/suspicious")
    ):
        site.client.get(path, headers={"X-Request-ID": f"refused-{number}"})
        assert {line["level"] for line in site.lines(request_id=f"refused-{number}")} == {"INFO"}


def test_nothing_of_a_request_stays_for_the_next(site: Site) -> None:
    for _ in range(8):
        assert site.client.get("/leaky").json()["actor"] == "john"
    for _ in range(8):
        assert site.client.get("/api/fine/1").json()["actor"] == ""


def test_a_stream_passes_through(site: Site) -> None:
    assert site.client.get("/stream").content == b"ab"
