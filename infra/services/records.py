"""What people do to registry records beside editing them."""

from typing import Any

from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.errors import Conflict, NotFound
from alai.kernel.principals import Principal
from infra import registry
from infra.models import Record


def take_from_file(*, by: Principal, model: type[Record], record_id: int, field: str) -> Record:
    """Give up what was edited here: the field gets the file's value again. Conflict when nothing differs."""
    kind = registry.kind_of(model)
    with audit.writing(why=f"the file's value of {field}"):
        record = model._default_manager.select_for_update(of=("self",)).filter(pk=record_id).first()
        if record is None:
            raise NotFound(f"There is no such {model._meta.verbose_name}.", code="record_not_found")
        differing = {one.name: one for one in registry.differences(kind, record)}
        if field not in differing:
            raise Conflict(f"{record}.{field} is what the file says already.", code="no_difference")
        _set(record, kind, field, differing[field].in_file)
    return record


def _set(record: Record, kind: registry.Kind, field: str, plain: Any) -> None:
    column = kind.columns[field]
    if column.is_many:
        found = column.target._default_manager.filter(slug__in=plain)
        getattr(record, field).set(found)
        return
    if column.is_reference:
        value = column.target._default_manager.filter(slug=plain).first() if plain is not None else None
        if plain is not None and value is None:
            raise Conflict(f"The file names {plain}, which is not there any more.", code="reference_gone")
        setattr(record, field, value)
    else:
        setattr(record, field, column.python(plain))
    record.updated_at = Now()
    record.save(update_fields=[field, "updated_at"])
