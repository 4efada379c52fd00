"""Reading and writing the YAML files. What is read carries its line, so that an error can point at it.

The dialect is YAML 1.2's core: `no` and `on` are words, dates are text, and only true and false are switches.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from infra.models.records import NAME
from infra.registry.columns import nearest
from infra.registry.kinds import Kind, kind_named, kinds

MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class RegistryError(Exception):
    """The files cannot be loaded; nothing was changed. `problems` says why, each with file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as a file has it, with the line of each field."""

    kind: Kind
    slug: str
    file: str
    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def problem(self, sentence: str, field: str = "") -> Problem:
        where = f"{self.slug}.{field}" if field else self.slug
        return Problem(self.file, self.lines.get(field, self.line), f"{where}: {sentence}")


class _Loader(yaml.SafeLoader):
    """Safe, strict about doubled keys, and with the core schema's scalars only."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Without aliases: a few lines of them can stand for more than fits in memory."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, "aliases (*name) are not taken: write the value out", mark)
        return super().compose_node(parent, index)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789")
)


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def read_folder(folder: Path) -> tuple[dict[str, list[Entry]], list[Problem]]:
    """The entries of every kind that has a file, and everything that cannot be read."""
    found: dict[str, list[Entry]] = {}
    problems: list[Problem] = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        kind = kind_named(path.stem)
        if kind is None:
            known = [one.name for one in kinds()]
            problems.append(
                Problem(path.name, 1, f"no kind is called {path.stem}{nearest(path.stem, known)}")
            )
        elif kind.name in found:
            problems.append(Problem(path.name, 1, f"{kind.file} is there too: keep one of them"))
        else:
            entries, wrong = read_file(path, kind)
            found[kind.name] = entries
            problems += wrong
    return found, problems


def read_file(path: Path, kind: Kind) -> tuple[list[Entry], list[Problem]]:
    if path.stat().st_size > MAX_BYTES:
        return [], [Problem(path.name, 1, f"larger than {MAX_BYTES // 1024 // 1024} MB")]
    try:
        root = _compose(path.read_text("utf-8"))
    except UnicodeDecodeError:
        return [], [Problem(path.name, 1, "not UTF-8 text")]
    except (yaml.YAMLError, RecursionError) as error:
        return [], [_unreadable(path.name, error)]
    if root is None or root.value is None:
        return [], []
    problems: list[Problem] = []
    entries = list(_entries(root, path.name, kind, problems))
    return entries, problems


def _compose(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is not None and node.tag == "tag:yaml.org,2002:null":
            return None
        return node and _Built(node, loader.construct_document(node)) if node else None
    finally:
        loader.dispose()


@dataclass(frozen=True, slots=True)
class _Built:
    """A node and what it stands for."""

    node: Any
    value: Any


def _entries(root: _Built, file: str, kind: Kind, problems: list[Problem]) -> Iterator[Entry]:
    if not isinstance(root.node, yaml.MappingNode):
        problems.append(Problem(file, 1, "the file must be a mapping: name, colon, and its fields below"))
        return
    problems += [Problem(file, line, f"{key} stands here a second time") for key, line in _doubled(root.node)]
    for key, value in root.node.value:
        slug, line = key.value, key.start_mark.line + 1
        fields = root.value.get(slug)
        if not isinstance(slug, str) or not NAME.fullmatch(slug) or len(slug) > 100:
            problems.append(
                Problem(file, line, f"{slug!r} is no name: letters, digits and . _ : / # -, at most 100")
            )
        elif fields is not None and not isinstance(fields, dict):
            problems.append(Problem(file, line, f"{slug}: its fields must stand below it, indented"))
        else:
            pairs = value.value if fields else []
            lines = {field.value: field.start_mark.line + 1 for field, _ in pairs}
            yield Entry(kind, slug, file, line, fields or {}, lines)


def _doubled(node: Any) -> Iterator[tuple[str, int]]:
    """Keys that a mapping holds twice, at any depth: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _doubled(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _doubled(value)


def _unreadable(file: str, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or "nested too deeply"
    return Problem(file, mark.line + 1 if mark else 1, f"not YAML: {said}")


def written(kind: Kind, records: Mapping[str, Mapping[str, Any]]) -> str:
    """A kind's file in its one canonical form: sorted names, fields in the model's order, defaults left out."""
    head = f"# yaml-language-server: $schema=schema/{kind.name}.json\n"
    ordered = {
        slug: {name: records[slug][name] for name in kind.columns if name in records[slug]}
        for slug in sorted(records)
    }
    if not ordered:
        return f"{head}{{}}\n"
    parts = [
        yaml.dump(
            {slug: fields},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=110,
            default_flow_style=False,
        )
        for slug, fields in ordered.items()
    ]
    return head + "\n".join(parts)
