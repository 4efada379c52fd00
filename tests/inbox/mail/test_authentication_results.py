import pytest

from inbox.mail.authentication import results


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "mx.example; dkim=pass (2048-bit key) header.d=Example.com header.s=s1;"
            " spf=pass smtp.mailfrom=b@m.example.com; dmarc=pass (p=reject) header.from=example.com",
            [("mx.example", "dkim", "pass", "example.com"), ("mx.example", "spf", "pass", "m.example.com"),
             ("mx.example", "dmarc", "pass", "example.com")],
        ),
        (
            "spf=fail (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=none (message not signed)"
            " header.d=none;dmarc=fail action=oreject header.from=example.com;compauth=fail reason=000",
            [("", "spf", "fail", "example.com"), ("", "dkim", "none", "none"), ("", "dmarc", "fail", "example.com"),
             ("", "compauth", "fail", "")],
        ),
        ("mx.example 1; none", []),
        (
            "mx.example; dkim = PASS (a (nested; comment) here) header.i=@example.com",
            [("mx.example", "dkim", "pass", "example.com")],
        ),
        ("mx.example; dkim=pass header.d=\"example.com\"", [("mx.example", "dkim", "pass", "example.com")]),
        ("mx.example; x-odd; =pass; dkim=; spf/1=neutral", [("mx.example", "spf", "neutral", "")]),
        ("mx.example; dkim=pass (unclosed header.d=example.com", [("mx.example", "dkim", "pass", "example.com")]),
        ("", []),
        (";;;;", []),
    ],
)  # fmt: skip
def test_results_are_read_as_servers_write_them(
    value: str, expected: list[tuple[str, str, str, str]]
) -> None:
    assert [(one.authserv_id, one.method, one.result, one.domain) for one in results([value])] == expected


def test_a_result_within_a_comment_is_none() -> None:
    assert [one.result for one in results(["mx.example; dkim=fail (dkim=pass header.d=example.com)"])] == [
        "fail"
    ]


def test_positions_tell_the_topmost_header() -> None:
    assert [one.position for one in results(["a; spf=pass", "b; spf=fail"])] == [0, 1]


def test_a_flood_of_headers_is_cut() -> None:
    assert len(results(["a" + "; spf=pass" * 1000] * 1000)) == 400
