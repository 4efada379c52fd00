"""Numbers and times as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from alai.kernel import words

NOW = datetime(2026, 5, 8, 10, 0, tzinfo=UTC)  # a Friday, 12:00 in Oslo


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "just now"), (40, "40 s ago"), (420, "7 min ago"), (3 * 3600, "3 h ago"), (12 * 86400, "12 days ago"),
     (90 * 86400, "3 months ago"), (900 * 86400, "2 years ago"), (-600, "in 10 min")],
)  # fmt: skip
def test_how_long_ago(seconds: int, said: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0, "12:00"), (-24, "yesterday 12:00"), (24, "tomorrow 12:00"), (-72, "Tue 12:00"), (-480, "18 Apr 12:00"),
     (-9000, "28 Apr 2025")],
)  # fmt: skip
def test_the_day_is_named_only_as_far_as_needed(hours: int, said: str) -> None:
    assert words.day_and_time(NOW + timedelta(hours=hours), NOW) == said


def test_small_numbers_are_words() -> None:
    assert [words.number(count) for count in (0, 3, 12, 13, 1204)] == ["no", "three", "twelve", "13", "1,204"]


def test_sizes_have_two_figures() -> None:
    assert [words.size(octets) for octets in (412, 1_400, 12_400_000)] == ["412 B", "1.4 kB", "12 MB"]


def test_the_exact_local_time_is_in_the_tag() -> None:
    tag = words.time_tag(NOW)
    assert 'title="Fri 8 May 2026, 12:00:00 CEST"' in tag
    assert 'datetime="2026-05-08T10:00:00+00:00"' in tag
