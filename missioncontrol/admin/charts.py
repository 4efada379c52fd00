"""Charts drawn here as SVG: no script, any width, dark and light; each says its answer in a sentence.

The drawing is stretched to its card, so words stand beside it in HTML and lines keep their width
(`vector-effect`). Points are in a box of 640 x 180 with the origin at the top left. Pure functions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alai.kernel import words

WIDTH, HEIGHT = 640, 180
HOUR, DAY = 3600.0, 86_400.0
# Ends of a time axis that read well, in seconds; their halves do too.
TIMES = (
    60, 600, 1200, 2400, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 6 * DAY, 10 * DAY,
    14 * DAY, 20 * DAY, 30 * DAY, 60 * DAY, 120 * DAY, 180 * DAY, 240 * DAY, 360 * DAY,
)  # fmt: skip

RECTANGLE = '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
POINT = '<line class="mc-point mc-point-{}" x1="{}" y1="{}" x2="{}" y2="{}"><title>{}</title></line>'

Value = float | None  # nothing is known at that point: the line has a gap


@dataclass(frozen=True, slots=True)
class Line:
    """A line in pieces, each the `points` of a polyline; `label` is what its legend says."""

    label: str
    pieces: Sequence[str]


@dataclass(frozen=True, slots=True)
class Box:
    """A bar, or the invisible strip that tells about its point when one hovers over it."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A word below the drawing, at so many hundredths of its width; `shift` hundredths of the word lie before that."""

    text: str
    at: float
    shift: float


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`sentence` says what it shows, `levels` the values of its lines from top to bottom, `marks` those below."""

    sentence: str
    levels: Sequence[str]
    marks: Sequence[Mark]
    lines: Sequence[Line] = ()
    bars: Sequence[Box] = ()
    strips: Sequence[Box] = ()
    dots: Sequence[Dot] = ()
    rule: float | None = None  # a vertical line at this x

    width: int = WIDTH
    height: int = HEIGHT
    middle: int = HEIGHT // 2

    @property
    def has_points(self) -> bool:
        return bool(self.bars or self.dots or any(line.pieces for line in self.lines))

    @property
    def drawn_bars(self) -> SafeString:
        return _rectangles("mc-bar", self.bars)

    @property
    def drawn_strips(self) -> SafeString:
        return _rectangles("mc-strip", self.strips)

    @property
    def drawn_dots(self) -> SafeString:
        """Up to hundreds: the tags of a template would take ten times as long."""
        points = ((dot.tone, f"{dot.x:.1f}", f"{dot.y:.1f}", dot.title) for dot in self.dots)
        return format_html_join("", POINT, ((tone, x, y, x, y, title) for tone, x, y, title in points))


def _rectangles(name: str, boxes: Iterable[Box]) -> SafeString:
    sides = (
        (box.title, f"{box.x:.1f}", f"{box.y:.1f}", f"{box.width:.1f}", f"{box.height:.1f}") for box in boxes
    )
    return format_html_join("", RECTANGLE, ((name, *lengths, title) for title, *lengths in sides))


def round_top(highest: float) -> float:
    """The end of an axis: a round number whose half is one too."""
    power = 1.0
    while power * 10 < highest:
        power *= 10
    steps = (2, 4, 6, 8, 10) if power == 1 else (1, 1.4, 2, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if step * power >= highest)


def time_top(longest: float) -> float:
    """The end of an axis of durations, in seconds."""
    return next((top for top in TIMES if top >= longest), round_top(longest / (360 * DAY)) * 360 * DAY)


def count_levels(top: float) -> list[str]:
    return [f"{top:,.0f}", f"{top / 2:,.0f}", "0"]


def time_levels(top: float) -> list[str]:
    return [words.duration(timedelta(seconds=top)), words.duration(timedelta(seconds=top / 2)), "0"]


def line(label: str, values: Sequence[Value], top: float) -> Line:
    """Evenly spaced from edge to edge."""
    step = WIDTH / max(1, len(values) - 1)
    pieces: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{at * step:.1f},{_up(value, top):.1f}")
    return Line(label, [" ".join(piece if len(piece) > 1 else _dash(*piece)) for piece in pieces if piece])


def bars(values: Sequence[float], top: float, titles: Iterable[str]) -> list[Box]:
    """One bar a value, with a little room between them."""
    step = WIDTH / max(1, len(values))
    return [
        Box(at * step + step * 0.12, _up(value, top), step * 0.76, HEIGHT - _up(value, top), title)
        for at, (value, title) in enumerate(zip(values, titles, strict=True))
    ]


def strips(titles: Sequence[str]) -> list[Box]:
    """One strip a point of a line, to hover over."""
    step = WIDTH / max(1, len(titles) - 1)
    return [Box(at * step - step / 2, 0, step, HEIGHT, title) for at, title in enumerate(titles)]


def marks[T](points: Sequence[T], name: Callable[[T], str], *, between: bool = False) -> list[Mark]:
    """The first, the middle and the last point's names, below the points of a line or, `between` edges, of bars."""
    last = len(points) - 1
    ends = dict.fromkeys([0, last // 2, last]) if points else {}
    if between:
        return [
            Mark(name(points[at]), 100 * (at + 0.5) / len(points), 30 + 40 * at / max(1, last)) for at in ends
        ]
    return [Mark(name(points[at]), 100 * at / max(1, last), 100 * at / max(1, last)) for at in ends]


def _dash(point: str) -> list[str]:
    """A single point would be no line: it is drawn as a short one."""
    x, y = point.split(",")
    return [f"{max(0.0, float(x) - 5):.1f},{y}", f"{min(WIDTH, float(x) + 5):.1f},{y}"]


def _up(value: float, top: float) -> float:
    return HEIGHT - min(value, top) * HEIGHT / top
