"""The kinds of records, in the order in which they depend on each other. One kind is one file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.models import Record
from infra.registry.columns import Column, columns_of

Mentions = Callable[[Mapping[str, Any]], Iterator[tuple[str, str, str]]]


def nothing(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Of a kind whose structured fields name no other record."""
    yield from ()


@dataclass(frozen=True)
class Kind:
    """A model whose rows stand in `<name>.yaml`. `mentions` yields (field, kind, slug) for names inside its
    structured fields."""

    model: type[Record]
    mentions: Mentions = nothing

    @cached_property
    def name(self) -> str:
        return str(self.model._meta.verbose_name_plural).replace(" ", "_")

    @cached_property
    def columns(self) -> dict[str, Column]:
        return columns_of(self.model)

    @property
    def file(self) -> str:
        return f"{self.name}.yaml"


_kinds: dict[str, Kind] = {}


def register(model: type[Record], *, mentions: Mentions = nothing) -> None:
    """Make a kind known, after those that it refers to. Call it in `AppConfig.ready`."""
    kind = Kind(model, mentions)
    _kinds[kind.name] = kind


def kinds() -> list[Kind]:
    return list(_kinds.values())


def kind_named(name: str) -> Kind | None:
    return _kinds.get(name)


def kind_of(model: type[Record]) -> Kind:
    return next(kind for kind in _kinds.values() if kind.model is model)
