"""A raw message becomes a `Parsed` one: pure code, no Django, no network, no exception whatever the bytes."""
