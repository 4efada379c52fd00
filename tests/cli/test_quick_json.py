"""The client reads and writes JSON as Python's own package does, without paying for its import."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alai.cli import quick_json

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES: st.SearchStrategy[Any] = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_it_writes_to_the_letter(value: Any) -> None:
    assert quick_json.write(value) == json.dumps(value)


@given(VALUES, st.sampled_from(["", " ", "\n\t"]), st.booleans())
def test_it_reads_whatever_is_json(value: Any, space: str, ascii_only: bool) -> None:
    text = space + json.dumps(value, ensure_ascii=ascii_only) + space
    assert quick_json.read(text.encode(errors="surrogatepass" if ascii_only else "replace")) == json.loads(
        text.encode(errors="surrogatepass" if ascii_only else "replace")
    )


@given(st.binary() | st.text().map(str.encode))
def test_what_is_none_is_a_value_error(content: bytes) -> None:
    try:
        expected = json.loads(content.decode())
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - its kind, not its words, is what callers rely on
            quick_json.read(content)
    else:
        assert str(quick_json.read(content)) == str(expected)


@pytest.mark.parametrize("value", [{1: "a"}, (1, 2), {"a": (None,)}, 2**80, float("inf"), "\ud800", True])
def test_what_is_out_of_the_ordinary_is_written_as_ever(value: object) -> None:
    assert quick_json.write(value) == json.dumps(value)
