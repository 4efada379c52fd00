"""What a reader of an HTML mail sees, what is hidden from him, and where a click would lead.

libxml2's tokenizer feeds a target, so that no tree is built: a tree after the letter of HTML5 costs quadratic time
and memory on nesting that a hostile message chooses.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from inbox.mail import limits
from inbox.mail.parsed import Link
from inbox.mail.styles import Look, hidden_classes
from inbox.mail.text import clean

_VOID_TAGS = "area base br col embed hr img input link meta source track wbr param keygen"
_SILENT_TAGS = "script style template noframes noembed iframe object applet audio video canvas math svg"
_BLOCK_TAGS = """
p div br tr table li ul ol h1 h2 h3 h4 h5 h6 hr blockquote center section article header footer pre form dl dt dd
title fieldset legend option address aside main nav figure figcaption
"""
_VOID, _SILENT, _BLOCK = (frozenset(tags.split()) for tags in (_VOID_TAGS, _SILENT_TAGS, _BLOCK_TAGS))
_LINKING = {"a": "href", "area": "href", "form": "action", "iframe": "src", "frame": "src", "base": "href"}
_BLANK = re.compile(r"[ \t\r\f\v\u00a0\u2000-\u200a\u3000]+")
_REFRESH = re.compile(r"url\s*=\s*['\"]?\s*([^'\"\s]+)", re.IGNORECASE)


@dataclass
class Page:
    """The findings of one HTML part."""

    text: str = ""
    hidden: str = ""
    links: list[Link] = field(default_factory=list)
    image_links: list[str] = field(default_factory=list)
    image_texts: list[str] = field(default_factory=list)
    forms: int = 0
    password_fields: int = 0
    scripts: int = 0
    truncated: bool = False


class _TooMuch(Exception):
    """Enough was read."""


@dataclass(slots=True)
class _Open:
    tag: str
    look: Look
    silent: bool


@dataclass(slots=True)
class _Anchor:
    link: tuple[str, str]  # href, kind
    since: int
    image: bool = False
    alt: str = ""


class _Reader:
    """A target for the parser: called for each tag and text, in order."""

    def __init__(self, classes: frozenset[str]) -> None:
        self.page = Page()
        self.seen: list[str] = []
        self.unseen: list[str] = []
        self.lengths = [0, 0]
        self.stack: list[_Open] = [_Open("", Look(), False)]
        self.anchor: _Anchor | None = None
        self.events = 0
        self.base = ""
        self.classes = classes
        self.style: list[str] = []

    # -- called by lxml

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count()
        top = self.stack[-1]
        if tag in _BLOCK and not top.silent:
            self._say("\n", top.look)
        look = top.look.within(tag, attributes, self.classes) if attributes else top.look
        if attributes or tag in _LINKING:
            self._look_at(tag, attributes, look)
        if tag == "script":
            self.page.scripts += 1
        if tag not in _VOID and len(self.stack) < limits.HTML_DEPTH:
            self.stack.append(_Open(tag, look, top.silent or tag in _SILENT))

    def end(self, tag: str) -> None:
        self._count()
        if tag in _VOID:
            return
        if tag == "a":
            self._close_anchor()
        for depth in range(len(self.stack) - 1, max(0, len(self.stack) - 50), -1):
            if self.stack[depth].tag == tag:
                del self.stack[depth:]
                break
        top = self.stack[-1]
        if tag in _BLOCK and not top.silent:
            self._say("\n", top.look)
        elif tag in ("td", "th") and not top.silent:
            self._say(" ", top.look)

    def data(self, data: str) -> None:
        self._count()
        top = self.stack[-1]
        if not top.silent:
            self._say(data, top.look)

    def comment(self, data: str) -> None:
        self._count()

    def close(self) -> Page:
        self._close_anchor()
        return self.page

    # -- inner

    def _count(self) -> None:
        self.events += 1
        if self.events > limits.HTML_EVENTS:
            self.page.truncated = True
            raise _TooMuch

    def _say(self, data: str, look: Look) -> None:
        side = 1 if look.hidden else 0
        if self.lengths[side] > limits.TEXT:
            self.page.truncated = True
            return
        self.lengths[side] += len(data)
        (self.unseen if side else self.seen).append(data)

    def _look_at(self, tag: str, attributes: dict[str, str], look: Look) -> None:
        if tag in _LINKING:
            self._link(tag, attributes)
        elif tag == "img":
            self._image(attributes, look)
        elif tag in ("input", "button"):
            kind = attributes.get("type", "").lower()
            self.page.password_fields += kind == "password"
            if attributes.get("formaction"):
                self._add_link(attributes["formaction"], "", "form")
            if tag == "input" and kind in ("submit", "button") and not self.stack[-1].silent:
                self._say(" " + attributes.get("value", "") + " ", look)
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            found = _REFRESH.search(attributes.get("content", ""))
            if found:
                self._add_link(found.group(1), "", "refresh")
        background = attributes.get("background")
        if background:
            self._remote(background)

    def _link(self, tag: str, attributes: dict[str, str]) -> None:
        target = attributes.get(_LINKING[tag], "").strip()
        if tag == "base":
            self.base = self.base or target
        elif tag == "a":
            self._close_anchor()
            if target:
                self.anchor = _Anchor((target, "a"), len(self.seen))
        elif tag == "form":
            self.page.forms += 1
            self._add_link(target, "", "form")
        elif target:
            self._add_link(
                target, attributes.get("alt", ""), "area" if tag == "area" else "frame", tag == "area"
            )

    def _image(self, attributes: dict[str, str], look: Look) -> None:
        if _counter(attributes):
            return
        source, alt = attributes.get("src", ""), " ".join(attributes.get("alt", "").split())[:200]
        self._remote(source)
        if look.hidden:
            return
        if alt and len(self.page.image_texts) < limits.IMAGES:
            self.page.image_texts.append(clean(alt))
        if self.anchor is not None:
            self.anchor.image = True
            self.anchor.alt = self.anchor.alt or alt

    def _remote(self, source: str) -> None:
        source = source.strip()
        if (
            source[:8].lower().startswith(("http:", "https:", "//"))
            and len(self.page.image_links) < limits.IMAGES
        ):
            self.page.image_links.append(clean(source[: limits.LINK_LENGTH]))

    def _close_anchor(self) -> None:
        anchor, self.anchor = self.anchor, None
        if anchor is None:
            return
        shown = " ".join("".join(self.seen[anchor.since :])[:2000].split())
        self._add_link(anchor.link[0], shown or anchor.alt, anchor.link[1], anchor.image and not shown)

    def _add_link(self, href: str, text: str, kind: str, image: bool = False) -> None:
        if len(self.page.links) >= limits.LINKS:
            self.page.truncated = True
        elif href:
            whole = "".join(href.split())
            if self.base and "://" not in whole[:20] and not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|#", whole):
                whole = self.base.rstrip("/") + "/" + whole.lstrip("/")
            self.page.links.append(Link(clean(whole[: limits.LINK_LENGTH]), clean(text[:500]), kind, image))


def _counter(attributes: dict[str, str]) -> bool:
    """A picture of a pixel or two, which is there to be fetched and not to be seen."""
    sides = (attributes.get(side, "").rstrip("px") for side in ("width", "height"))
    return all(side in ("0", "1", "2") for side in sides)


def read(markup: str) -> Page:
    """Read one HTML part. Never fails; what is beyond the limits is left out and `truncated` says so."""
    too_long = len(markup) > limits.HTML
    markup = markup[: limits.HTML]
    reader = _Reader(hidden_classes(markup))
    parser: Any = etree.HTMLParser(
        target=reader, encoding="utf-8", recover=True, huge_tree=True, no_network=True
    )
    try:
        parser.feed(markup.encode("utf-8", "replace"))
        parser.close()
    except _TooMuch:
        reader.close()
    except (etree.LxmlError, ValueError, AssertionError):
        reader.close()
        reader.page.truncated = True
    page = reader.page
    page.truncated |= too_long
    page.text, page.hidden = tidy("".join(reader.seen)), tidy("".join(reader.unseen))
    return page


def tidy(text: str) -> str:
    """One space where there were several, one line break where there were several."""
    lines = (line.strip() for line in _BLANK.sub(" ", text).split("\n"))
    return clean("\n".join(line for line in lines if line))
