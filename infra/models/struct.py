"""A JSON column with a shape: what it may hold is a type, checked on the way in and told to editors."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from pydantic import TypeAdapter
from pydantic import ValidationError as ShapeError


class StructField(models.JSONField):
    """JSON of a given shape. `shape` is a type that pydantic understands, e.g. `list[Step]`."""

    def __init__(self, *args: Any, shape: Any = None, **kwargs: Any) -> None:
        self.adapter: TypeAdapter[Any] | None = TypeAdapter(shape) if shape is not None else None
        super().__init__(*args, **kwargs)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        for problem in self.problems(value):
            raise ValidationError(problem)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """A form's empty field is the default."""
        value = super().pre_save(model_instance, add)
        if value is None and not self.null:
            value = self.get_default()
            setattr(model_instance, self.attname, value)
        return value

    def problems(self, value: Any) -> list[str]:
        """A sentence for each thing that does not fit the shape; empty when all does."""
        if self.adapter is None:
            return []
        try:
            self.adapter.validate_python(value, strict=True)
        except ShapeError as error:
            return [f"{_place(one['loc'])}{one['msg'][:1].lower()}{one['msg'][1:]}" for one in error.errors()]
        return []

    def canonical(self, value: Any) -> Any:
        """The value with what equals a default left out, keys in the shape's order."""
        if self.adapter is None:
            return value
        return self.adapter.dump_python(
            self.adapter.validate_python(value), mode="json", exclude_defaults=True
        )

    def json_schema(self) -> dict[str, Any]:
        return self.adapter.json_schema() if self.adapter is not None else {}


def _place(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f"{part}: " for part in loc)
