"""What the flow page says of its figures: a sentence for each question, and the chart that shows it."""

import datetime as dt
from collections.abc import Sequence
from itertools import accumulate

from django.utils import timezone

from alai.kernel import words
from missioncontrol.admin import charts
from missioncontrol.admin.charts import Chart
from missioncontrol.admin.flow import WAITING, Flow, Lying, Spread, Took, Week
from missioncontrol.models import Status

LONG = 90  # days; beyond that the burn-up has a point a week
FOREVER = 260  # weeks that are not worth telling apart
OLDEST_NAMED = 10
FAR = 3  # times the usual


# --- Do we get through it? ------------------------------------------------------------------------------


def burn_up(flow: Flow) -> Chart:
    """All that was to be done against what got done, both counted from the period's beginning."""
    kept = _points(flow)
    scope = list(accumulate((day.opened - day.cancelled for day in flow.days), initial=flow.standing))[1:]
    done = list(accumulate(day.done for day in flow.days))
    top = charts.round_top(max(1, *scope, *done))
    titles = [
        f"{_day(flow.days[at].day)}: {scope[at]:,} to do in all, {done[at]:,} done, {flow.days[at].left:,} left"
        for at in kept
    ]
    opened = sum(day.opened for day in flow.days)
    return Chart(
        sentence=burn_up_sentence(flow),
        levels=charts.count_levels(top),
        marks=charts.marks([flow.days[at].day for at in kept], _day),
        lines=[
            charts.line(f"{scope[-1]:,} to do in all", [scope[at] for at in kept], top),
            charts.line(f"{done[-1]:,} done", [done[at] for at in kept], top),
        ],
        strips=charts.strips(titles) if opened or done[-1] else [],
    )


def burn_up_sentence(flow: Flow) -> str:
    opened, done = sum(day.opened for day in flow.days), sum(day.done for day in flow.days)
    cancelled = sum(day.cancelled for day in flow.days)
    left = f"{flow.left:,}"
    if not opened and not done and not cancelled:
        rest = f"{left} {_are(flow.left)} not closed" if flow.left else "nothing is open"
        return f"Nothing came and nothing was done in these {len(flow.days)} days; {rest}."
    given_up = f", {cancelled:,} cancelled" if cancelled else ""
    happened = f"{words.plural(opened, 'task')} came, {done:,} {_were(done)} done{given_up}"
    less = done + cancelled - opened
    if not flow.left:
        return f"{happened}: nothing is left."
    if less <= 0:
        grew = f"{-less:,} more than" if less else "as many as"
        return f"{happened}: {left} {_are(flow.left)} left, {grew} {len(flow.days)} days ago."
    weeks = flow.left * len(flow.days) / 7 / less
    when = (
        f"about {words.plural(round(weeks) or 1, 'more week')}" if weeks < FOREVER else "more than five years"
    )
    return f"{happened}: {left} {_are(flow.left)} left, at this pace for {when}."


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _points(flow: Flow) -> list[int]:
    """Which days the burn-up shows: all of them, or of a long period each week's last."""
    last = len(flow.days) - 1
    return list(range(last + 1)) if last < LONG else [at for at in range(last + 1) if (last - at) % 7 == 0]


# --- How long does it take? -----------------------------------------------------------------------------


def measured(took: Took, measure: str) -> Spread | None:
    return took.cycle if measure == "cycle" else took.lead


def duration_chart(flow: Flow, measure: str) -> Chart:
    """Half and 85 % of each week's tasks took at most so long."""
    pairs = [measured(week.took, measure) for week in flow.weeks]
    halves = [pair[0].total_seconds() if pair else None for pair in pairs]
    most = [pair[1].total_seconds() if pair else None for pair in pairs]
    overall = measured(flow.took, measure)
    # One odd week must not flatten all others: what is far beyond the usual stands at the edge.
    usual = overall[1].total_seconds() * FAR if overall else 0
    top = charts.time_top(max(60.0, min(usual, max([0.0, *(value for value in most if value is not None)]))))
    return Chart(
        sentence=duration_sentence(flow, measure),
        levels=charts.time_levels(top),
        marks=charts.marks(flow.weeks, lambda week: _day(week.monday)),
        lines=[
            charts.line(f"85 of 100 within {words.duration(overall[1])}" if overall else "", most, top),
            charts.line(f"half within {words.duration(overall[0])}" if overall else "", halves, top),
        ],
        strips=charts.strips([_week_title(week, measure) for week in flow.weeks]) if overall else [],
    )


def duration_sentence(flow: Flow, measure: str) -> str:
    pair, took = measured(flow.took, measure), flow.took
    if not took.tasks:
        return f"No task was done in these {len(flow.days)} days."
    if pair is None:
        return "Of none of the tasks that were done is it known when work began."
    every = took.known == took.tasks or measure == "lead"
    who = "the tasks" if every else f"the {took.known:,} of {took.tasks:,} tasks whose beginning is known"
    begun = "the beginning of work" if measure == "cycle" else "being opened"
    half, most = map(words.duration, pair)
    return f"Half of {who} took at most {half} from {begun} to done, 85 of 100 at most {most}."


def throughput_chart(flow: Flow) -> Chart:
    counts = [week.done for week in flow.weeks]
    top = charts.round_top(max(counts))
    titles = [f"Week of {_day(week.monday)}: {week.done:,} done" for week in flow.weeks]
    return Chart(
        sentence=throughput_sentence(flow.weeks),
        levels=charts.count_levels(top),
        marks=charts.marks(flow.weeks, lambda week: _day(week.monday), between=True),
        bars=charts.bars(counts, top, titles) if any(counts) else [],
    )


def throughput_sentence(weeks: Sequence[Week]) -> str:
    whole = sorted(week.done for week in weeks if week.whole)
    busy = [done for done in whole if done]
    if not busy:
        total = sum(week.done for week in weeks)
        return f"{words.plural(total, 'task')} got done." if total else "Nothing got done."
    usual = words.plural(busy[len(busy) // 2], "task")
    span = f", {busy[0]:,} to {busy[-1]:,} in any" if busy[0] != busy[-1] else ""
    idle = len(whole) - len(busy)
    rest = f"; in {words.number(idle)} of {len(whole)} weeks nothing" if idle else ""
    return f"In the usual week {usual} got done{span}{rest}."


def _week_title(week: Week, measure: str) -> str:
    pair = measured(week.took, measure)
    name = f"Week of {_day(week.monday)}: {week.done:,} done"
    if pair is None:
        return name
    half, most = map(words.duration, pair)
    return f"{name}, half within {half}, 85 of 100 within {most}"


# --- What lies about? -----------------------------------------------------------------------------------


def age_chart(flow: Flow, measure: str) -> Chart:
    """Each unfinished task as a dot: how long ago it was begun; a row a status."""
    limit = measured(flow.took, measure)
    longest = max([60.0, *(age(flow, one).total_seconds() for one in flow.lying)])
    top = charts.time_top(longest)
    present = {one.status for one in flow.lying}
    rows = {str(status): at for at, status in enumerate(status for status in WAITING if status in present)}
    return Chart(
        sentence=age_sentence(flow, measure),
        levels=[str(Status(status).label) for status in rows],
        marks=[
            charts.Mark(text, at, at)
            for text, at in zip(charts.time_levels(top)[::-1], (0, 50, 100), strict=True)
        ],
        dots=[_dot(flow, one, rows[one.status], len(rows), top, limit) for one in flow.lying],
        rule=limit[1].total_seconds() * charts.WIDTH / top
        if limit and limit[1].total_seconds() < top
        else None,
    )


def _dot(flow: Flow, one: Lying, row: int, rows: int, top: float, limit: Spread | None) -> charts.Dot:
    how_long = age(flow, one)
    height = charts.HEIGHT / rows
    spread = (one.task_id * 7 % 11 - 5) / 11  # so that neighbours do not cover each other
    return charts.Dot(
        x=how_long.total_seconds() * charts.WIDTH / top,
        y=(row + 0.5 + spread * 0.6) * height,
        tone="danger" if limit and how_long > limit[1] else "info",
        title=f"#{one.task_id} {one.title[:80]}: {words.duration(how_long)}",
    )


def age_sentence(flow: Flow, measure: str) -> str:
    if not flow.lying:
        return "No task is begun and unfinished."
    oldest = flow.lying[0]
    first = f"#{oldest.task_id} has been under way for {words.duration(age(flow, oldest))}"
    limit = measured(flow.took, measure)
    if limit is None:
        return f"The oldest of {words.plural(len(flow.lying), 'unfinished task')}, {first}."
    late = sum(age(flow, one) > limit[1] for one in flow.lying)
    many = words.plural(len(flow.lying), "unfinished task")
    most = f"{words.duration(limit[1])}, within which 85 of 100 were done"
    if not late:
        return f"All {many} are younger than {most}."
    part = f"{late:,} of" if late < len(flow.lying) else "All of"
    return f"{part} the oldest {many} are older than {most}; {first}."


def age(flow: Flow, one: Lying) -> dt.timedelta:
    return max(dt.timedelta(), flow.at - one.since)


def _day(date: dt.date) -> str:
    return f"{date.day} {date:%b}" if date.year == timezone.localdate().year else f"{date.day} {date:%b %Y}"
