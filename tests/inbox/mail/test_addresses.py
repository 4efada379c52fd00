import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.mail.addresses import addresses, anywhere
from tests.inbox.mail.messages import codes, parsed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@example.com", [("", "ada@example.com")]),
        ("Ada <ADA@Example.COM>", [("Ada", "ada@example.com")]),
        ('"Berg, Ada" <ada@example.com>', [("Berg, Ada", "ada@example.com")]),
        ("Berg, Ada <ada@example.com>", [("Berg, Ada", "ada@example.com")]),
        ("ada@example.com (Ada Berg)", [("Ada Berg", "ada@example.com")]),
        ("=?utf-8?Q?=C3=98rjan?= <o@example.no>", [("Ørjan", "o@example.no")]),
        ("a@x.no, Ole <b@x.no>", [("", "a@x.no"), ("Ole", "b@x.no")]),
        ("friends: a@x.no, b@x.no;", [("", "a@x.no"), ("", "b@x.no")]),
        ("undisclosed-recipients:;", []),
        ("<@relay.example:ada@example.com>", [("", "ada@example.com")]),
        ('"ada@bank.example" <mallory@example.org>', [("ada@bank.example", "mallory@example.org")]),
        ("dependabot[bot] <notifications@example.com>", [("dependabot[bot]", "notifications@example.com")]),
        ("Ada <ada@bücher.example>", [("Ada", "ada@xn--bcher-kva.example")]),
        ("Ada <ada@example.com.>", [("Ada", "ada@example.com")]),
        ("Ada <ada@[192.0.2.1]>", [("Ada", "ada@[192.0.2.1]")]),
        ("Mail System <>", [("Mail System", "")]),
        ("Ada <ada@example.com", [("Ada", "ada@example.com")]),
        ('"Ada <ada@example.com>', [("Ada", "ada@example.com")]),
        ("MAILER-DAEMON", [("MAILER-DAEMON", "")]),
        ("", []),
    ],
)
def test_addresses_are_read(value: str, expected: list[tuple[str, str]]) -> None:
    assert [(found.name, found.email) for found in addresses(value)] == expected


def test_a_name_right_before_a_comma_belongs_to_the_address_behind_it() -> None:
    assert [(one.name, one.email) for one in addresses("Support ,_<x@y.example>")] == [
        ("Support, _", "x@y.example")
    ]


def test_an_address_that_stands_anywhere_is_what_programs_would_answer() -> None:
    mail = parsed("From: Casino,(<noreply@example.org>)")
    assert mail.sender.email == "noreply@example.org"
    assert "from_unparsable" in codes(mail)
    assert anywhere("nobody here") == ""


def test_two_senders_are_noted_and_the_first_with_an_address_counts() -> None:
    mail = parsed("From: Ada <>, Bob <bob@example.com>, eve@example.org")
    assert mail.sender.email == "bob@example.com"
    assert "from_several" in codes(mail)


@given(st.text(max_size=300))
def test_whatever_is_written_an_email_is_an_address_or_empty(value: str) -> None:
    for found in addresses(value):
        assert found.email == found.email.lower()
        assert found.email == "" or found.email.count("@") >= 1
        assert "\0" not in found.name + found.email
