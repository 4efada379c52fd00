"""Failures are tried again later and later, logins seldom, and never all at the same moment."""

from hypothesis import given
from hypothesis import strategies as st

from inbox.imap.backoff import JITTER, pause
from inbox.imap.trouble import Kind
from inbox.models import Account

kinds = st.sampled_from([None, *Kind])


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    assert [pause(Kind.NETWORK, failures, 0.5) for failures in range(1, 8)] == [
        60,
        120,
        240,
        480,
        900,
        900,
        900,
    ]


def test_a_refused_login_waits_for_hours_in_the_end() -> None:
    assert [pause(Kind.AUTH, n, 0.5) / 3600 for n in range(1, 7)] == [0.25, 0.5, 1, 2, 4, 4]


def test_a_missing_password_waits_for_nothing() -> None:
    assert pause(Kind.SECRET, 5, 0.5) == 0


@given(kinds, st.integers(1, 10**9), st.floats(0, 1))
def test_every_wait_is_bounded_and_spread(kind: Kind | None, failures: int, chance: float) -> None:
    middle, seconds = pause(kind, failures, 0.5), pause(kind, failures, chance)
    assert middle * (1 - JITTER) - 1e-6 <= seconds <= middle * (1 + JITTER) + 1e-6 <= 4 * 3600 * 1.2 + 1


def test_each_kind_of_trouble_has_its_word_in_the_database() -> None:
    assert {kind.value for kind in Kind} | {"fault"} == set(Account.Trouble.values)
