"""A message's tree of parts, flattened: bounded in number and depth, without recursion and without copies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from inbox.mail import headers, limits
from inbox.mail.text import from_base64, from_quoted_printable


@dataclass(frozen=True)
class Part:
    """A leaf of the tree: the multipart around it, and which alternatives it is one of (0: none)."""

    raw: bytes = field(repr=False)
    start: int
    end: int
    fields: headers.Fields
    content_type: str
    parameters: dict[str, str]
    container: str = ""
    group: int = 0
    index: int = 0  # its place in the container

    @cached_property
    def disposition(self) -> tuple[str, dict[str, str]]:
        return headers.parameters(headers.unencoded(self.fields.first("content-disposition")))

    @cached_property
    def filename(self) -> str:
        name = self.disposition[1].get("filename") or self.parameters.get("name", "")
        return headers.unencoded(name)

    @cached_property
    def content(self) -> tuple[bytes, bool]:
        """The decoded bytes, and whether the transfer encoding told the truth."""
        body = self.raw[self.start : self.end]
        encoding = self.fields.first("content-transfer-encoding").partition(";")[0].strip().strip('"').lower()
        if encoding == "base64":
            return from_base64(body)
        if encoding == "quoted-printable":
            return from_quoted_printable(body), True
        return body, encoding in {"", "7bit", "8bit", "binary"} or not body.strip()


@dataclass(slots=True)
class Walk:
    """The parts of a message in order, and what had to be worked around on the way."""

    raw: bytes
    parts: list[Part] = field(default_factory=list)
    findings: dict[str, str] = field(default_factory=dict)
    groups: int = 0

    def note(self, code: str, detail: str) -> None:
        self.findings.setdefault(code, detail)


@dataclass(frozen=True, slots=True)
class _Todo:
    start: int
    end: int
    depth: int
    container: str
    group: int
    index: int
    fields: headers.Fields | None = None


def walk(raw: bytes, top: headers.Fields) -> Walk:
    """All leaves of the message whose own header block is `top`."""
    found = Walk(raw)
    todo = [_Todo(top.body, len(raw), 0, "", 0, 0, top)]
    while todo:
        here = todo.pop()
        if len(found.parts) >= limits.PARTS:
            found.note("parts_too_many", f"More than {limits.PARTS} parts: the rest is not looked at.")
            break
        fields = here.fields or headers.split(raw, here.start, here.end)
        default = "message/rfc822" if here.container == "digest" else "text/plain"
        kind, parameters = headers.parameters(headers.unencoded(fields.first("content-type")))
        kind = kind if kind.count("/") == 1 else default
        if kind.startswith("multipart/") and here.depth >= limits.DEPTH:
            found.note("nested_too_deep", f"Parts are nested deeper than {limits.DEPTH} levels.")
            kind = "text/plain"
        children = _children(found, here, fields, kind, parameters) if kind.startswith("multipart/") else None
        if children is None:
            kind = "text/plain" if kind.startswith("multipart/") else kind
            found.parts.append(
                Part(
                    raw,
                    fields.body,
                    here.end,
                    fields,
                    kind,
                    parameters,
                    here.container,
                    here.group,
                    here.index,
                )
            )
        else:
            todo.extend(reversed(children))
    return found


def _children(
    found: Walk, here: _Todo, fields: headers.Fields, kind: str, parameters: dict[str, str]
) -> list[_Todo] | None:
    """The parts of a multipart, or None when its boundary is missing or never occurs: then it is read as text."""
    boundary = parameters.get("boundary", "").encode("utf-8", "replace")[:1000].rstrip()
    subtype = kind.partition("/")[2]
    spans = list(_spans(found, boundary, fields.body, here.end)) if boundary else []
    if not spans:
        found.note("boundary_missing", f"A {kind} without the boundary that it promises.")
        return None
    found.groups += 1
    inside = subtype == "alternative"
    group = here.group or (found.groups if inside else 0)
    container = subtype if inside or here.container != "alternative" else "alternative"
    room = limits.PARTS - len(found.parts)
    if len(spans) > room:
        found.note("parts_too_many", f"More than {limits.PARTS} parts: the rest is not looked at.")
    return [
        _Todo(start, end, here.depth + 1, container, group, here.index if not inside else index)
        for index, (start, end) in enumerate(spans[:room])
    ]


def _spans(found: Walk, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the parts between boundary lines begin and end."""
    raw = found.raw
    needle = b"\n--" + boundary
    opened: int | None = None
    position = max(0, start - 1)  # the line break before the first boundary ended the headers
    for candidates in range(limits.BOUNDARY_CANDIDATES + 1):
        at = raw.find(needle, position, end)
        if at < 0:
            break
        if candidates == limits.BOUNDARY_CANDIDATES:
            found.note("boundary_flood", "Too many lines look like a boundary.")
            break
        after = at + len(needle)
        closing = raw.startswith(b"--", after)
        line_end = _line_end(raw, after, end)
        if raw[after + 2 * closing : line_end].strip() and not closing:
            position = after  # a longer boundary that begins alike
            continue
        if opened is not None:
            yield opened, max(opened, at)
        if closing:
            return
        opened = line_end
        position = max(after, line_end - 1)
    if opened is not None:
        found.note("boundary_unclosed", "The last part has no end.")
        yield opened, end


def _line_end(raw: bytes, position: int, end: int) -> int:
    """Behind the next line break."""
    found = raw.find(b"\n", position, end)
    return end if found < 0 else found + 1
