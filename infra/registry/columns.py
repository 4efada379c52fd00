"""A record's fields as the files have them: strings, numbers, switches, lists and slugs."""

import datetime as dt
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime

from infra.models import Record
from infra.models.struct import StructField

OWN = ("id", "slug", "origin", "updated_at")


class Unfit(ValueError):
    """A value that a field does not take; its text says what would do."""


@dataclass(frozen=True)
class Column:
    """One field of a kind. Plain values are what YAML and JSON can hold; a reference is the other record's slug."""

    name: str
    field: Any
    default: Any  # plain

    @property
    def is_reference(self) -> bool:
        return bool(self.field.is_relation)

    @property
    def is_many(self) -> bool:
        return bool(self.field.many_to_many)

    @property
    def target(self) -> type[Record]:
        related: type[Record] = self.field.related_model
        return related

    @property
    def is_required(self) -> bool:
        return not self.is_many and not self.field.blank and not self.field.has_default()

    def plain(self, record: Record) -> Any:
        """The value of a saved record as a file would have it."""
        if self.is_many:
            return sorted(other.slug for other in getattr(record, self.name).all())
        value = getattr(record, self.name)
        if self.is_reference:
            return value.slug if value is not None else None
        return _plain(self.field, value)

    def read(self, raw: Any) -> Any:
        """The plain value that `raw` from a file stands for, in the one form that `plain` gives it; or `Unfit`."""
        if self.is_many:
            return sorted(set(_strings(raw)))
        if raw is None and (self.field.null or self.default is None):
            return None
        if self.is_reference:
            return _string(raw)
        value = self.python(raw)
        try:
            self.field.clean(value, None)
        except ValidationError as error:
            raise Unfit(_sentence(self.field, raw, error)) from None
        return _plain(self.field, value)

    def python(self, plain: Any) -> Any:
        """The value that the model's attribute takes; not for references."""
        return _python(self.field, plain)


def columns_of(model: type[Record]) -> dict[str, Column]:
    """The fields that files may give, in the model's order."""
    blank = model()
    found = [field for field in model._meta.concrete_fields if field.name not in OWN and field.editable]
    plain = {field.name: Column(field.name, field, _default(field, blank)) for field in found}
    many = {field.name: Column(field.name, field, []) for field in model._meta.many_to_many}
    return plain | many


def _default(field: Any, blank: Record) -> Any:
    return None if field.is_relation else _plain(field, getattr(blank, field.attname))


def _plain(field: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(field, StructField):
        return field.canonical(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, models.Choices):
        return value.value
    return list(value) if isinstance(field, ArrayField) else value


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _python(field: Any, raw: Any) -> Any:
    """Strict: YAML already tells a string from a number, and guessing here would hide a missing quote."""
    if raw is None:
        return None
    if isinstance(field, StructField):
        problems = field.problems(raw)
        if problems:
            raise Unfit("; ".join(problems))
        return field.canonical(raw)
    if isinstance(field, ArrayField):
        return _strings(raw)
    if isinstance(field, models.BooleanField):
        return _of(raw, bool, "true or false")
    if isinstance(field, models.DecimalField):
        return _decimal(raw, field.decimal_places or 0)
    if isinstance(field, models.FloatField):
        return float(_of(raw, (int, float), "a number"))
    if isinstance(field, models.IntegerField):
        return _of(raw, int, "a whole number")
    text = _string(raw)
    if isinstance(field, models.DateTimeField):
        return _moment(text)
    if isinstance(field, models.DateField):
        return _parsed(dt.date.fromisoformat, text, "a date such as 2026-05-08")
    if isinstance(field, models.TimeField):
        return _parsed(dt.time.fromisoformat, text, "a time such as 22:00")
    return text


def _of(raw: Any, wanted: type | tuple[type, ...], words: str) -> Any:
    if not isinstance(raw, wanted) or (isinstance(raw, bool) and wanted is not bool):
        raise Unfit(f"{shown(raw)} is not {words}")
    return raw


def _decimal(raw: Any, places: int) -> Decimal:
    number = _of(raw, (int, float), "a number")
    try:
        return Decimal(str(number)).quantize(Decimal(1).scaleb(-places))
    except InvalidOperation:
        raise Unfit(f"{shown(raw)} is not a number that fits") from None


def _string(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    hint = f'; put it in quotes: "{raw}"' if isinstance(raw, int | float) else ""
    raise Unfit(f"{shown(raw)} is not text{hint}")


def _strings(raw: Any) -> list[str]:
    if not isinstance(raw, list):
        raise Unfit(f"{shown(raw)} is not a list; write [a, b]")
    return [_string(one) for one in raw]


def _moment(text: str) -> dt.datetime:
    found = _parsed(parse_datetime, text, "a time such as 2026-05-08T12:30:00Z")
    if found is None or found.tzinfo is None:
        raise Unfit(f"{shown(text)} is not a time with its zone, such as 2026-05-08T12:30:00Z")
    moment: dt.datetime = found
    return moment.astimezone(dt.UTC)


def _parsed(parse: Any, text: str, words: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise Unfit(f"{shown(text)} is not {words}") from None


def _sentence(field: Any, raw: Any, error: ValidationError) -> str:
    if field.choices:
        known = [value for value, _ in field.flatchoices]
        return f"{shown(raw)} is not one of {', '.join(map(str, known))}{nearest(str(raw), map(str, known))}"
    return f"{shown(raw)}: {' '.join(error.messages)}"


def shown(raw: Any) -> str:
    """A value in a sentence, cut to a readable length."""
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """` - did you mean x?`, when something known is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" - did you mean {close[0]}?" if close else ""
