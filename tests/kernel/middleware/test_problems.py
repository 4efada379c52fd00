"""Whatever goes wrong, a client gets problem+json and a browser a page."""

import sys
from typing import Any, Self
from urllib.parse import quote

import httpx
import pytest
from django.core.signals import request_finished
from django.http import HttpResponseNotFound
from django.test import RequestFactory
from django.views.debug import technical_500_response
from pytest_django import Settings

from alai.kernel.middleware import ProblemMiddleware
from tests.kernel.middleware.site import Site, serving

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    assert body["status"] == status and body["code"] == code and body["title"]
    assert body["type"] == f"urn:alai:problem:{code}"
    assert body["detail"].endswith(".")
    assert body["request_id"] == reply.headers["X-Request-ID"]
    return body


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/nothing", "/api/%ff%fe", "/%00", "/api/" + "x" * 3000, "/api/\u20ac"]
)
def test_an_unknown_address_is_404(site: Site, path: str) -> None:
    body = problem(site.client.get(path), 404, "not_found")
    assert body["detail"].startswith("There is nothing at /")


@pytest.mark.parametrize(
    "target", [b"/api/\xff\xfe", b"/api/%", b"/api/%zz", b"/api/?%ff=%fe", b"//api//x", b"/api/\xe2\x28"]
)
def test_garbage_in_the_address_is_the_clients_error(site: Site, target: bytes) -> None:
    status = site.raw_status(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert 400 <= status < 500


def test_garbage_in_headers_is_no_error_of_ours(site: Site) -> None:
    status = site.raw_status(
        b"GET /api/fine/1 HTTP/1.1\r\nHost: localhost\r\nAccept: \xff\r\nCookie: \xff=\xfe\r\n\r\n"
    )
    assert status < 500


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("missing", 404, "not_found"),
        ("denied", 403, "forbidden"),
        ("suspicious", 400, "bad_request"),
        ("bad", 400, "bad_request"),
        ("surrogate", 422, "invalid"),
        ("bug", 500, "internal_error"),
    ],
)
def test_an_exception_becomes_a_problem(site: Site, kind: str, status: int, code: str) -> None:
    problem(site.client.get(f"/api/fail/{kind}"), status, code)
    problem(site.client.get(f"/fail/{kind}"), status, code)


def test_our_own_errors_keep_code_fields_and_headers(site: Site) -> None:
    reply = site.client.get("/api/fail/conflict")
    body = problem(reply, 409, "lease_held")
    assert body["holder"] == "john:abc" and reply.headers["Retry-After"] == "2"


def test_an_unforeseen_error_shows_nothing_of_the_inside(site: Site) -> None:
    for headers in ({}, HTML):
        reply = site.client.get("/fail/bug", headers=headers)
        assert reply.status_code == 500 and reply.headers["X-Request-ID"] in reply.text
        assert not any(word in reply.text for word in ("secret", "Traceback", "ZeroDivision", ".py"))


def test_a_wrong_method_keeps_the_allowed_ones(site: Site) -> None:
    reply = site.client.post("/api/only-get")
    problem(reply, 403, "csrf_failed")
    reply = site.client.options("/api/only-get")
    body = problem(reply, 405, "method_not_allowed")
    assert reply.headers["Allow"] == "GET" and body["detail"] == "/api/only-get takes GET, not OPTIONS."


def test_an_unknown_host_is_400(site: Site) -> None:
    problem(site.client.get("/api/fine/1", headers={"Host": "evil.example.com"}), 400, "bad_host")


def test_a_form_without_its_csrf_token_is_403(site: Site) -> None:
    problem(site.client.post("/form", data={"a": "1"}), 403, "csrf_failed")


@pytest.mark.parametrize("path", ["/api/body", "/form"])
def test_a_body_that_is_too_large_is_413(site: Site, path: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={'a' * 32}"}
    problem(site.client.post(path, content=b"a=" + b"x" * 2000, headers=headers), 413, "too_large")


@pytest.mark.parametrize("status", [400, 401, 404, 406, 409, 418, 429, 499, 500, 503, 599])
def test_any_error_reply_becomes_a_problem_and_keeps_its_headers(site: Site, status: int) -> None:
    for path in (f"/api/refusal/{status}", f"/refusal/{status}"):
        reply = site.client.get(path, headers=HTML if path.startswith("/api/") else {})
        assert reply.status_code == reply.json()["status"] == status
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.headers["Retry-After"] == "7" and reply.cookies["kept"] == "yes"
        assert reply.json()["code"] and reply.json()["detail"]


@pytest.mark.django_db
def test_a_refusals_resources_go_with_the_reply_that_takes_its_place() -> None:
    closed: list[str] = []
    refusal = HttpResponseNotFound()
    refusal._resource_closers.append(lambda: closed.append("file"))  # type: ignore[attr-defined]
    with CaptureOver() as over:
        reply = ProblemMiddleware(lambda request: refusal)(RequestFactory().get("/api/nothing"))
        assert reply.status_code == 404 and not over.requests and not closed
        reply.close()
    assert (over.requests, closed) == (1, ["file"])


class CaptureOver:
    """Counts how often it is told that a request is over: then the database connection is given back."""

    requests = 0

    def __enter__(self) -> Self:
        request_finished.connect(self.note)
        return self

    def __exit__(self, *_: object) -> None:
        request_finished.disconnect(self.note)

    def note(self, **_: object) -> None:
        self.requests += 1


@pytest.mark.parametrize(
    ("statement", "status", "code", "retry_after"),
    [
        ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", 503, "busy", "1"),
        ("DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$", 503, "busy", "1"),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", 503, "busy", "1"),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", 503, "storage_full", "60"),
        ("DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", 503, "database_unavailable", "5"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", 503, "database_unavailable", "5"),
        ("SELECT 99999999999999::int", 422, "invalid", None),
        ("SELECT no_such_column", 500, "internal_error", None),
    ],
)
def test_the_databases_refusals_are_told_apart(
    site: Site, statement: str, status: int, code: str, retry_after: str | None
) -> None:
    reply = site.client.get("/api/sql", params={"q": statement})
    problem(reply, status, code)
    assert reply.headers.get("Retry-After") == retry_after
    assert site.client.get("/api/sql", params={"q": "SELECT 1"}).status_code == 200


def test_without_a_database_every_page_says_so() -> None:
    with serving(env={"DATABASE_URL": "postgres://mc:geheim@127.0.0.1:9/mc"}) as site:
        assert site.client.get("/health").status_code == 200
        site.client.timeout = httpx.Timeout(30)
        reply = site.client.get("/api/sql", params={"q": "SELECT 1"})
        problem(reply, 503, "database_unavailable")
        assert reply.headers["Retry-After"] == "5"
        assert "geheim" not in site.log.read_text()


@pytest.mark.parametrize(
    ("path", "status", "title"), [("/nothing", 404, "Not found"), ("/fail/bug", 500, "Internal error")]
)
def test_a_browser_gets_a_page_without_scripts(site: Site, path: str, status: int, title: str) -> None:
    reply = site.client.get(path, headers=HTML)
    assert reply.status_code == status and reply.headers["Content-Type"].startswith("text/html")
    assert f"<h1>{title}</h1>" in reply.text and "<script" not in reply.text and "style=" not in reply.text
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert site.client.get("/static/kernel/error.css").status_code == 200


def test_a_page_shows_an_address_as_text(site: Site) -> None:
    reply = site.client.get("/" + quote("<script>alert(1)</script>"), headers=HTML)
    assert "<script" not in reply.text and "&lt;script&gt;" in reply.text


def test_a_browser_keeps_the_pages_of_others(site: Site) -> None:
    reply = site.client.get("/refusal/429", headers=HTML)
    assert reply.text == "<h1>No</h1>" and reply.headers["Content-Type"].startswith("text/html")


def test_a_json_reply_outside_the_api_speaks_for_itself(site: Site) -> None:
    reply = site.client.get("/plain-json")
    assert reply.status_code == 503 and reply.json() == {"status": "unavailable"}
    problem(site.client.get("/api/plain-json"), 503, "service_unavailable")


def secret() -> str:  # neither a line nor a variable of the test, both of which the page shows
    return "s3cret-of-the-broker"


def test_the_page_of_a_failure_in_development_shows_no_address_with_a_password(settings: Settings) -> None:
    settings.DEBUG, settings.BROKER_URL = True, f"redis://:{secret()}@127.0.0.1:1/0"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": settings.BROKER_URL}}
    request = RequestFactory().get("/", headers={"Accept": "text/html"})
    try:
        raise LookupError("a bug")
    except LookupError:
        page = technical_500_response(request, *sys.exc_info()).content.decode()
    assert "BROKER_URL" in page and "a bug" in page
    assert secret() not in page
