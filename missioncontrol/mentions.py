"""`@name` in what people and agents write: where it stands, and whom it means.

Code (spans and fenced blocks, as in Markdown), links and mail addresses are no mentions; nor is a name that no
actor has.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from alai.kernel.models import ACTOR_NAME, Actor
from missioncontrol.models import Mention

TOKEN = re.compile(rf"(?<![\w@/\\])@({ACTOR_NAME})")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
LINK = re.compile(r"\b(?:https?://|www\.)\S+")
PARAGRAPHS = re.compile(r"(\n\s*\n)")
LOOKED_UP = 2000  # names in one look-up; more are no conversation


@dataclass(frozen=True, slots=True)
class Place:
    """`text[start:end]` is `@name` of the actor."""

    start: int
    end: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class Known:
    """The actors that some texts may mean, by name and by name in small letters: people write @John for john."""

    by_name: Mapping[str, Actor]

    def places(self, text: str) -> Iterator[Place]:
        """Where the text mentions whom, in order."""
        for found in TOKEN.finditer(prose_of(text)):
            for reading in _readings(found[1]):
                actor = self.by_name.get(reading) or self.by_name.get(reading.lower())
                if actor is not None:
                    yield Place(found.start(), found.start() + 1 + len(reading), actor)
                    break

    def mentioned(self, text: str) -> list[Actor]:
        """Whom the text mentions, each once, in order."""
        return list({place.actor.pk: place.actor for place in self.places(text)}.values())


def known(texts: Iterable[str]) -> Known:
    """Look up, in one query, all that the texts may mean."""
    tokens = (found[1] for text in texts for found in TOKEN.finditer(prose_of(text)))
    readings = {reading.lower() for token in tokens for reading in _readings(token)}
    if not readings:
        return Known({})
    actors = Actor.objects.annotate(folded=Lower("name")).filter(folded__in=list(islice(readings, LOOKED_UP)))
    names: dict[str, Actor] = {}
    for actor in actors:
        folded = actor.name.lower()
        names.setdefault(folded, actor)
        names[actor.name] = actor
    return Known(names)


def strangers(text: str) -> list[str]:
    """The names after an @ that no actor has, each once, in order."""
    met = {place.start for place in known([text]).places(text)}
    named = (found for found in TOKEN.finditer(prose_of(text)) if found.start() not in met)
    return list(dict.fromkeys(list(_readings(found[1]))[-1] for found in named))


def actors_of(name: str) -> QuerySet[Actor]:
    """The actor of that name, and the one whose sign-in bears it."""
    return Actor.objects.filter(Q(name=name) | Q(user__username=name))


def tasks_that_mention(names: list[str]) -> QuerySet[Mention, int]:
    """The ids of the tasks on which a comment mentions one of the actors."""
    mentions = Mention.objects.filter(actor__name__in=names)
    return mentions.order_by().values_list("comment__task", flat=True)


def unanswered_by(name: str) -> QuerySet[Mention]:
    """The mentions that wait for an answer of who goes by the name."""
    return Mention.objects.filter(answered_at=None, actor__in=actors_of(name))


def tasks_that_ask(name: str) -> QuerySet[Mention, int]:
    """The ids of the tasks of those."""
    return unanswered_by(name).order_by().values_list("comment__task", flat=True)


def prose_of(text: str) -> str:
    """The text with blanks in place of code and links, as long as before."""
    unfenced = "".join(_unfenced(text.splitlines(keepends=True)))
    prose = "".join(_without_spans(part) for part in PARAGRAPHS.split(unfenced))
    return LINK.sub(lambda link: " " * len(link[0]), prose)


def _unfenced(lines: Iterable[str]) -> Iterator[str]:
    """The lines, those of fenced blocks blank; a fence that is not closed runs to the end."""
    fence = ""
    for line in lines:
        mark = FENCE.match(line)
        inside = bool(fence)
        if not fence and mark:
            fence = mark[1]
        elif fence and mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        yield re.sub(r"[^\n]", " ", line) if inside or fence else line


def _without_spans(text: str) -> str:
    """A span of code ends at the next run of as many backticks as it began with."""
    runs = [found.span() for found in re.finditer("`+", text)]
    latest: dict[int, int] = {}
    closing: list[int | None] = []
    for at in range(len(runs) - 1, -1, -1):
        length = runs[at][1] - runs[at][0]
        closing.append(latest.get(length))
        latest[length] = at
    closing.reverse()
    pieces, end, at = [], 0, 0
    while at < len(runs):
        last = closing[at]
        if last is None:
            at += 1
            continue
        start, stop = runs[at][0], runs[last][1]
        pieces += [text[end:start], " " * (stop - start)]
        end, at = stop, last + 1
    return "".join([*pieces, text[end:]])


def _readings(token: str) -> Iterator[str]:
    """`john.` may end a sentence: first as it stands, then without the marks at its end."""
    yield token
    while token[-1] in "._@-":
        token = token[:-1]
        yield token
