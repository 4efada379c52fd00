"""A JSON Schema of each kind, so that an editor completes names and marks mistakes."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from infra.models.records import NAME
from infra.models.struct import StructField
from infra.registry.columns import Column
from infra.registry.kinds import Kind, kind_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT = {"type": "string"}


def schema_of(kind: Kind) -> dict[str, Any]:
    """The schema of a kind's file."""
    properties = {name: _property(column) for name, column in kind.columns.items()}
    definitions = {name: one for shape in properties.values() for name, one in shape.pop("$defs", {}).items()}
    record = {
        "type": ["object", "null"],
        "properties": properties,
        "required": [name for name, column in kind.columns.items() if column.is_required],
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": str(kind.model._meta.verbose_name_plural).capitalize(),
        "description": (kind.model.__doc__ or "").strip().split("\n\n")[0],
        **({"$defs": definitions} if definitions else {}),
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME.pattern}$", "maxLength": 100},
        "additionalProperties": record,
    }


def _property(column: Column) -> dict[str, Any]:
    said = str(column.field.help_text)
    shape = (
        _many(column)
        if column.is_many
        else _reference(column)
        if column.is_reference
        else _shape(column.field)
    )
    if not column.is_many and column.field.null:
        shape = {"anyOf": [shape, {"type": "null"}]}
    extras = {"description": said} if said else {}
    if column.default not in (None, "", [], {}):
        extras["default"] = column.default
    return {**shape, **extras}


def _reference(column: Column) -> dict[str, Any]:
    return {**TEXT, "$comment": f"a name in {kind_of(column.target).file}"}


def _many(column: Column) -> dict[str, Any]:
    return {"type": "array", "items": _reference(column)}


def _shape(field: Any) -> dict[str, Any]:
    if field.choices:
        return {"enum": [value for value, _ in field.flatchoices]}
    if isinstance(field, StructField):
        return field.json_schema()
    if isinstance(field, ArrayField):
        return {"type": "array", "items": TEXT}
    if isinstance(field, models.BooleanField):
        return {"type": "boolean"}
    if isinstance(field, models.IntegerField):
        return {
            "type": "integer",
            **({"minimum": 0} if isinstance(field, models.PositiveIntegerField) else {}),
        }
    if isinstance(field, models.DecimalField | models.FloatField):
        return {"type": "number"}
    if isinstance(field, models.DateTimeField):
        return {**TEXT, "format": "date-time"}
    if isinstance(field, models.DateField):
        return {**TEXT, "format": "date"}
    return {**TEXT, **({"maxLength": field.max_length} if field.max_length else {})}
