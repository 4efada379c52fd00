"""Every write leaves an audit entry: who, what, before and after, for which request, and why.

Database triggers do it, one for each statement, so that raw SQL, bulk updates and `psql` are recorded
like everything else. The application only says who acts: `wrap_writes` hands the context
(`alai.kernel.context`) to PostgreSQL with every write. A statement whose service writes a richer history row
of its own (the ledger's events) says `history` and is not recorded twice.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from alai.kernel import context
from alai.kernel.models import AuditEntry
from alai.kernel.triggers import FUNCTIONS, append_only_trigger, audit_triggers

WRITES = ("INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "TRUNCA", "COPY")


@dataclass(frozen=True)
class Audited:
    """How a table is recorded: `omit` columns by name only, changes of `quiet` columns alone not at all."""

    model: type[Model]
    omit: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()


_audited: dict[str, Audited] = {}
_append_only: dict[str, type[Model]] = {}
_exempt: dict[str, str] = {}
_history: ContextVar[str] = ContextVar("history", default="")


def register(model: type[Model], *, omit: tuple[str, ...] = (), quiet: tuple[str, ...] = ()) -> None:
    """Record every write to the model's table. Call it in `AppConfig.ready`."""
    _audited[model._meta.db_table] = Audited(model, omit, quiet)


def append_only(model: type[Model]) -> None:
    """Refuse changes of the model's rows; only retention may delete them. It is a history itself."""
    _append_only[model._meta.db_table] = model
    _exempt[model._meta.db_table] = "append-only history"


def exempt(model: type[Model], *, reason: str) -> None:
    """Do not record the model's table, and say why."""
    _exempt[model._meta.db_table] = reason


def unaccounted(tables: list[str]) -> list[str]:
    """The tables that nobody registered, guarded or exempted."""
    return [name for name in tables if name not in _audited and name not in _exempt]


def context_json(**extra: str) -> str:
    """The acting context as PostgreSQL's triggers read it from `alai.context`."""
    acting = context.current()
    fields = {
        "actor": acting.actor,
        "behalf": acting.on_behalf_of,
        "request": acting.request_id,
        "why": acting.why,
        **extra,
    }
    return json.dumps({name: text for name, text in fields.items() if text})


def apply(**extra: str) -> None:
    """Say who acts for the rest of this transaction; for writes that do not pass Django's cursor (COPY)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('alai.context', %s, true)", [context_json(**extra)])


@contextmanager
def writing(*, history: str = "", why: str = "") -> Iterator[None]:
    """One transaction of a service. `history` names the table for which the service writes events itself."""
    token = _history.set(history)
    try:
        with context.acting(**({"why": why} if why else {})), transaction.atomic():
            yield
    finally:
        _history.reset(token)


def record(*, action: str, target_type: str, target_id: object, why: str = "", **facts: Any) -> AuditEntry:
    """Write an entry for something that is not a row's change, e.g. an override or a refused approval."""
    acting = context.current()
    return AuditEntry.objects.create(
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        action=action,
        target_type=target_type,
        target_id=str(target_id),
        after=facts or None,
        why=why or acting.why,
        request_id=acting.request_id,
    )


def wrap_writes(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, wrapped: dict[str, Any]
) -> Any:
    """A Django execute wrapper: tell PostgreSQL who acts before each write."""
    if not isinstance(sql, str) or not sql.lstrip()[:6].upper().startswith(WRITES):
        return execute(sql, params, many, wrapped)
    db: BaseDatabaseWrapper = wrapped["connection"]
    local = db.in_atomic_block
    _set_context(db, context_json(history=_history.get()), local=local)
    try:
        return execute(sql, params, many, wrapped)
    finally:
        if not local:
            _set_context(db, "", local=False)


def _set_context(db: BaseDatabaseWrapper, value: str, *, local: bool) -> None:
    raw = db.connection
    if raw is not None and not raw.closed:
        with db.wrap_database_errors:
            raw.execute("SELECT set_config('alai.context', %s, %s)", [value, local])


def install_wrapper(connection: BaseDatabaseWrapper, **_: object) -> None:
    """For Django's `connection_created` signal."""
    if wrap_writes not in connection.execute_wrappers:
        connection.execute_wrappers.append(wrap_writes)


def install_triggers(**_: object) -> None:
    """Bring the database's triggers in line with what is registered; for `post_migrate`, runs in milliseconds."""
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        cursor.execute(FUNCTIONS)
        for table, audited in _audited.items():
            if table in existing:
                for statement in audit_triggers(
                    table, str(audited.model._meta.pk.column), audited.omit, audited.quiet
                ):
                    cursor.execute(statement)
        for table in _append_only:
            if table in existing:
                cursor.execute(append_only_trigger(table))
