"""Carrying a plan out, in one transaction; or rehearsing it, to learn that the database would take it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.db.models.functions import Now

from alai.kernel import audit
from infra.models import Record
from infra.registry.files import Problem, RegistryError, read_folder
from infra.registry.kinds import Kind, kind_of, kinds
from infra.registry.plan import Change, Plan, make

LOCK = 0x4D43_5245  # one load at a time


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and which records could not go because others still name them."""

    plan: Plan
    kept: list[str]


def load(folder: Path, *, dry_run: bool = False) -> Outcome:
    """Bring the folder's files in. Everything or nothing: a problem anywhere raises `RegistryError`."""
    found, problems = read_folder(folder)
    with audit.writing(why=f"load_registry {folder.name}"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        plan, unfit = make(found)
        problems += unfit
        if problems:
            raise RegistryError(sorted(problems, key=lambda one: (one.file, one.line)))
        kept = _carry_out(plan)
        if dry_run:
            transaction.set_rollback(True)
    return Outcome(plan, kept)


def _carry_out(plan: Plan) -> list[str]:
    problems: list[Problem] = []
    order = {kind.name: at for at, kind in enumerate(kinds())}
    writes = sorted(
        (change for change in plan.changes if change.op in ("create", "update")),
        key=lambda change: order[change.kind.name],
    )
    slugs = _Slugs()
    saved = [(change, _save(change, slugs, problems)) for change in writes]
    if problems:
        raise RegistryError(problems)
    for change, record in saved:
        _set_many(change, record, slugs)
    _release(plan)
    gone = [change for change in plan.changes if change.op == "delete"]
    return list(_delete(sorted(gone, key=lambda change: -order[change.kind.name])))


class _Slugs:
    """Ids by slug, looked up once a kind and kept up to date."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, int]] = {}

    def of(self, kind: Kind) -> dict[str, int]:
        if kind.name not in self._ids:
            self._ids[kind.name] = dict(kind.model._default_manager.values_list("slug", "pk"))
        return self._ids[kind.name]


def _save(change: Change, slugs: _Slugs, problems: list[Problem]) -> Record:
    record = _row(change)
    for name, (_, after) in change.fields.items():
        column = change.kind.columns[name]
        if column.is_reference and not column.is_many:
            ids = slugs.of(kind_of(column.target))
            setattr(record, column.field.attname, ids[after] if after is not None else None)
        elif not column.is_many:
            setattr(record, name, column.python(after))
    record.origin = change.wanted
    try:
        record.full_clean()
    except ValidationError as error:
        problems += _problems(change, error)
        return record
    record.updated_at = Now()
    record.save()
    slugs.of(change.kind)[record.slug] = record.pk
    return record


def _row(change: Change) -> Record:
    if change.op == "create":
        return change.kind.model(slug=change.slug)
    return change.kind.model._default_manager.get(slug=change.slug)


def _set_many(change: Change, record: Record, slugs: _Slugs) -> None:
    for name, (_, after) in change.fields.items():
        column = change.kind.columns[name]
        if column.is_many:
            ids = slugs.of(kind_of(column.target))
            getattr(record, name).set([ids[slug] for slug in after])


def _problems(change: Change, error: ValidationError) -> Iterator[Problem]:
    assert change.entry is not None
    details: Mapping[str, list[Any]] = error.error_dict
    for name, errors in details.items():
        for one in errors:
            yield change.entry.problem(" ".join(one.messages), "" if name == "__all__" else name)


def _release(plan: Plan) -> None:
    for change in plan.changes:
        if change.op == "release":
            change.kind.model._default_manager.filter(slug=change.slug).update(origin=None)


def _delete(changes: list[Change]) -> Iterator[str]:
    for change in changes:
        try:
            with transaction.atomic():
                change.kind.model._default_manager.get(slug=change.slug).delete()
        except ProtectedError as error:
            users = sorted({f"{one._meta.verbose_name} {one}" for one in error.protected_objects})[:3]
            yield f"{change.kind.name} {change.slug} stays: {', '.join(users)} still names it"
