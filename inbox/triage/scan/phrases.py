"""Phrases of `data/phrases.toml`, found in one pass over a text's words.

An index by the first letters of a phrase's first word leads to the few candidates at each place, so that
the time depends on the text, not on how many phrases there are in how many languages.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from inbox.triage.scan.folding import fold

_KEY = 4  # letters of a first word that lead to its phrases
_SHORT = 3  # letters of the shortest stems
_LONGEST = 32  # letters of a word that are looked at
_GAP = 3  # words that `~` may skip
_PLAIN = re.compile(r"[^\W_]+(?:'[^\W_]+)?\*?")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a phrase: exact words, stems, or anything."""

    exact: frozenset[str]
    stems: tuple[str, ...]
    optional: bool
    anything: bool
    gap: bool = False

    def fits(self, word: str) -> bool:
        return self.anything or word in self.exact or (bool(self.stems) and word.startswith(self.stems))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Slots in order; `kind` is what the phrase is a sign of."""

    kind: str
    source: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """All phrases, by the letters that their first word begins with, and those searched as they stand."""

    index: dict[str, tuple[Phrase, ...]]
    short: dict[str, tuple[Phrase, ...]]  # stems of up to three letters
    verbatim: tuple[tuple[str, str], ...]  # kind, text


def _slot(source: str) -> Slot:
    if source == "~":
        return Slot(frozenset(), (), True, True, gap=True)
    optional = "?" in source
    alternatives = source.replace("?", "").split("|")
    for word in alternatives:
        if word != "_" and not _PLAIN.fullmatch(word):
            raise ValueError(f"{word!r} can never be a word of a text")
    return Slot(
        exact=frozenset(word for word in alternatives if not word.endswith("*")),
        stems=tuple(word[:-1] for word in alternatives if word.endswith("*")),
        optional=optional,
        anything="_" in alternatives,
    )


def phrase(kind: str, source: str) -> Phrase:
    """A phrase as it is written in the data."""
    slots = tuple(_slot(part) for part in fold(source).split())
    if not slots or slots[0].optional or slots[0].anything:
        raise ValueError(f"a phrase must begin with a word: {source!r}")
    return Phrase(kind, source, slots)


@lru_cache(maxsize=1)
def book() -> Book:
    """The shipped phrases."""
    text = (resources.files("inbox.triage") / "data" / "phrases.toml").read_text(encoding="utf-8")
    index: dict[str, list[Phrase]] = defaultdict(list)
    short: dict[str, list[Phrase]] = defaultdict(list)
    verbatim = []
    for kind, languages in tomllib.loads(text).items():
        for language, sources in languages.items():
            if language == "cjk":
                verbatim += [(kind, source) for source in sources]
                continue
            for source in sources:
                one = phrase(kind, source)
                first = one.slots[0]
                long = (*first.exact, *(stem for stem in first.stems if len(stem) > _SHORT))
                for key in {word[:_KEY] for word in long}:
                    index[key].append(one)
                for key in {stem[:_SHORT] for stem in first.stems if len(stem) <= _SHORT}:
                    short[key].append(one)
    return Book(_fixed(index), _fixed(short), tuple(verbatim))


def _fixed(index: dict[str, list[Phrase]]) -> dict[str, tuple[Phrase, ...]]:
    return {key: tuple(phrases) for key, phrases in index.items()}


def find(words: Sequence[str], text: str) -> dict[str, list[str]]:
    """Kinds of phrases in a text given as folded words, with what was found of each.

    Nothing counts twice: neither the same words again, nor two phrases that overlap.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    ends: dict[str, int] = defaultdict(int)
    for place, word in enumerate(words):
        for one in _beginning(word[:_LONGEST]):
            if one.source in found[one.kind]:
                continue
            end = _match(words, place + 1, one.slots, 1)
            said = " ".join(words[place:end])
            if end and place >= ends[one.kind] and said not in found[one.kind].values():
                found[one.kind][one.source] = said
                ends[one.kind] = end
    if _CJK.search(text):
        for kind, source in book().verbatim:
            if source in text:
                found[kind][source] = source
    return {kind: list(hits.values()) for kind, hits in found.items() if hits}


@lru_cache(maxsize=50_000)
def _beginning(word: str) -> tuple[Phrase, ...]:
    """The phrases that may begin with a word: mail says the same few thousand words again and again."""
    shelf = book()
    near = shelf.index.get(word[:_KEY], ()) + shelf.short.get(word[:_SHORT], ())
    return tuple(one for one in near if one.slots[0].fits(word))


def _match(words: Sequence[str], place: int, slots: tuple[Slot, ...], number: int) -> int:
    """Where the phrase ends, or 0. Depth is that of the slots, breadth that of a gap: both small."""
    if number == len(slots):
        return place
    slot = slots[number]
    if slot.gap:
        for skipped in range(_GAP + 1):
            end = _match(words, place + skipped, slots, number + 1)
            if end:
                return end
        return 0
    if place < len(words) and slot.fits(words[place]):
        end = _match(words, place + 1, slots, number + 1)
        if end:
            return end
    return _match(words, place, slots, number + 1) if slot.optional else 0
