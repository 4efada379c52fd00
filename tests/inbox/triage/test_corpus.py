"""The goals on real mail. Skipped, saying so, where the set is not at hand."""

import pytest

from inbox.triage import Verdict
from tests.inbox import corpus
from tests.inbox.mail import fuzz


def rate(kind: str, half: int | None = None) -> float:
    """The share of a kind that is quarantined."""
    verdicts = [
        found.decision.verdict
        for path, found in corpus.judged(kind).items()
        if half is None or corpus.half(path) == half
    ]
    return verdicts.count(Verdict.QUARANTINE) / len(verdicts)


@pytest.mark.parametrize("half", [None, 0, 1], ids=["all", "half 0", "half 1"])
def test_most_phishing_is_quarantined(half: int | None) -> None:
    assert rate("phish", half) >= 0.65


@pytest.mark.parametrize("half", [None, 0, 1], ids=["all", "half 0", "half 1"])
def test_peoples_mail_is_hardly_ever_quarantined(half: int | None) -> None:
    assert rate("ham", half) <= 0.005


@pytest.mark.parametrize("half", [None, 0, 1], ids=["all", "half 0", "half 1"])
def test_newsletters_are_rarely_quarantined(half: int | None) -> None:
    assert rate("newsletter", half) <= 0.03


def test_most_automatic_mail_is_known_as_such() -> None:
    actions = [found.decision.action.value for found in corpus.judged("auto").values()]
    assert actions.count("automatic") / len(actions) >= 0.85


@pytest.mark.parametrize("kind", ["malformed", "auto", "spam", "ham", "newsletter", "phish"])
def test_whatever_is_in_it_a_message_is_taken(kind: str) -> None:
    for path in corpus.files(kind):
        assert list(fuzz.problems(path.read_bytes())) == [], path.name
