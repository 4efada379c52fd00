"""Empties the tables after a test that committed, in a seventh of the time that Django's `flush` takes.

Django empties all hundred tables and then has permissions, schedules and triggers written anew. Here only those are
emptied that a test filled, and what migrations wrote stays. After a test that changed that, Django does it all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django.db import connection
from django.test import TransactionTestCase

from alai.kernel.models import AuditEntry

# Tells how the seeds were written, too; no test wants to read that.
JOURNAL = AuditEntry._meta.db_table

_django_empties = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


class Seeds:
    """What the tables held before the first test, each as one hash."""

    def __init__(self) -> None:
        self.tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        self.remember()

    def remember(self) -> None:
        self.hashes = _hashes([name for name in _full(self.tables) if name != JOURNAL])

    def empty(self) -> bool:
        """Empty what tests filled; False, with nothing done, if they changed what stood there before."""
        if _hashes(list(self.hashes)) != self.hashes:
            return False
        filled = [name for name in _full(self.tables) if name not in self.hashes]
        if filled:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE " + ", ".join(map(_quoted, filled)) + " CASCADE")
        return True


@contextmanager
def quick_emptying() -> Iterator[None]:
    """As long as it lasts; the database must be as migrated when it begins."""
    seeds = Seeds()

    def teardown(case: TransactionTestCase) -> None:
        with history_may_go():
            if not seeds.empty():
                _django_empties(case)
                seeds.remember()

    with patch.object(TransactionTestCase, "_fixture_teardown", teardown):
        yield


@contextmanager
def history_may_go() -> Iterator[None]:
    """What is append-only refuses to be emptied, and what is audited notes it down."""
    with connection.cursor() as cursor:
        cursor.execute("SET alai.retention = 'on'")
        try:
            yield
        finally:
            cursor.execute("SET alai.retention = 'off'")


def _full(tables: list[str]) -> list[str]:
    each = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {_quoted(name)})" for name in tables)
    return [str(name) for (name,) in _asked(" UNION ALL ".join(each))]


def _hashes(tables: list[str]) -> dict[str, str]:
    each = (
        f"SELECT '{name}', (SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {_quoted(name)} t)"
        for name in tables
    )
    return {str(name): str(hashed) for name, hashed in _asked(" UNION ALL ".join(each))}


def _asked(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: list[tuple[object, ...]] = cursor.fetchall()
    return found


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
