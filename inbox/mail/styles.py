"""Whether CSS hides something from a reader: the few properties that senders hide text with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

_DECLARATION = re.compile(r"([a-z-]{3,30})\s*:\s*([^;{}]{1,200})")
_CLASS = re.compile(r"\.([\w-]{1,60})\s*$")
_NUMBER = re.compile(r"-?\d*\.?\d+")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+))?")
_NAMES = {"white": (255, 255, 255), "black": (0, 0, 0), "transparent": None}
SHEET = 50_000  # characters of one style element
_ALIKE = 24  # colours closer than this, summed over red, green and blue, cannot be told apart

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What an element inherits: whether it is hidden, its colour, the colour behind it."""

    hidden: bool = False
    colour: Colour = (0, 0, 0)
    behind: Colour = (255, 255, 255)
    plain: bool = True  # no picture behind it

    def within(self, tag: str, attributes: dict[str, str], classes: frozenset[str]) -> "Look":
        """The look of an element in this one."""
        style = attributes.get("style")
        look = self
        if not look.hidden and ("hidden" in attributes or (classes and _of_class(attributes, classes))):
            look = replace(look, hidden=True)
        names = attributes.keys() & {"bgcolor", "color", "background", "text"}
        if names:
            look = look.changed(_attributes(tag, attributes))
        if style:
            look = look.changed(declarations(style))
        return look

    def changed(self, properties: dict[str, str]) -> "Look":
        """After these declarations."""
        if not properties:
            return self
        behind = (
            colour_of(properties.get("background-color") or properties.get("background", "")) or self.behind
        )
        colour = colour_of(properties.get("color", "")) or self.colour
        picture = "url(" in properties.get("background", "") or "background-image" in properties
        plain = not picture and (self.plain or "background-color" in properties)
        alike = plain and sum(abs(a - b) for a, b in zip(colour, behind, strict=True)) < _ALIKE
        own = colour != self.colour or behind != self.behind
        hidden = self.hidden or hides(properties) or (alike and own)
        return Look(hidden, colour, behind, plain)


def _of_class(attributes: dict[str, str], classes: frozenset[str]) -> bool:
    return not classes.isdisjoint(attributes.get("class", "").split())


def _attributes(tag: str, attributes: dict[str, str]) -> dict[str, str]:
    found = {}
    if "bgcolor" in attributes:
        found["background-color"] = attributes["bgcolor"].lower()
    if "color" in attributes and tag == "font":
        found["color"] = attributes["color"].lower()
    if "text" in attributes and tag == "body":
        found["color"] = attributes["text"].lower()
    if attributes.get("background"):
        found["background-image"] = "url("
    return found


@lru_cache(maxsize=4096)
def _declarations(style: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value.replace("!important", "").strip()) for name, value in _DECLARATION.findall(style.lower())
    )


def declarations(style: str) -> dict[str, str]:
    """The declarations of a style attribute or rule, lower case."""
    return dict(_declarations(style) if len(style) < 500 else _declarations.__wrapped__(style[:5000]))


def hides(properties: dict[str, str]) -> bool:
    """Whether these declarations take an element out of sight."""
    get = properties.get
    if get("display") == "none" or get("visibility") in ("hidden", "collapse") or get("mso-hide") == "all":
        return True
    if _small(get("font-size"), 1) or _small(get("opacity"), 0.05):
        return True
    if _small(get("max-height"), 1) or (
        _small(get("height"), 1) and get("overflow", "").startswith("hidden")
    ):
        return get("line-height") == "0" or get("overflow", "").startswith("hidden")
    if get("position") in ("absolute", "fixed") and any(_far(get(side)) for side in ("left", "top", "right")):
        return True
    return _far(get("text-indent"))


def _small(value: str | None, limit: float) -> bool:
    if not value:
        return False
    number = _NUMBER.match(value)
    return number is not None and 0 <= float(number.group()) <= limit and not value.endswith(("em", "%"))


def _far(value: str | None) -> bool:
    number = _NUMBER.match(value) if value else None
    return number is not None and float(number.group()) <= -500


def colour_of(value: str) -> Colour | None:
    """Red, green and blue, or None when it is no colour that we know."""
    value = value.strip()
    if not value:
        return None
    if value.startswith("#"):
        digits = value[1:].split(" ", 1)[0]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        try:
            return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
        except ValueError:
            return None
    found = _RGB.match(value)
    if found:
        red, green, blue = (min(255, int(part[:4])) for part in found.groups()[:3])
        return red, green, blue
    return _NAMES.get(value.split(" ", 1)[0])


def hidden_classes(markup: str) -> frozenset[str]:
    """Classes that a style sheet in the markup hides on every screen; rules of @media are left out."""
    found: set[str] = set()
    for sheet in _sheets(markup):
        for rule in _without_media(sheet).split("}"):
            selectors, _, body = rule.partition("{")
            if ":" in body and hides(declarations(body)):
                found.update(
                    name for one in selectors[-500:].split(",") for name in _CLASS.findall(one.strip())
                )
    return frozenset(list(found)[:200])


def _sheets(markup: str) -> Iterator[str]:
    """The style elements' contents, without comments, to a bound."""
    position = 0
    for _ in range(10):
        begin = markup.find("<style", position)
        begin = markup.find("<STYLE", position) if begin < 0 else begin
        if begin < 0:
            return
        end = markup.find("</", begin)
        position = len(markup) if end < 0 else end
        yield _without_comments(markup[markup.find(">", begin) + 1 : position][:SHEET])


def _without_comments(sheet: str) -> str:
    pieces = sheet.split("/*")
    return pieces[0] + "".join(piece.partition("*/")[2] for piece in pieces[1:])


def _without_media(sheet: str) -> str:
    """The rules outside of @media and its like, found by counting braces."""
    kept, depth, start = [], 0, 0
    skipping = False
    for match in re.finditer(r"@(?:media|supports|font-face|keyframes)|[{}]", sheet):
        mark = match.group()
        if mark == "{":
            depth += 1
        elif mark == "}":
            depth = max(0, depth - 1)
            if skipping and depth == 0:
                skipping, start = False, match.end()
        elif not skipping and depth == 0:
            kept.append(sheet[start : match.start()])
            skipping = True
    if not skipping:
        kept.append(sheet[start:])
    return "".join(kept)
