"""What the costs page says of its figures: a sentence, a chart and a table of months by team."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from missioncontrol.admin import charts
from missioncontrol.admin.charts import Chart
from missioncontrol.admin.costs import Costs

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team's line of the table: its cost in each month, and all of it."""

    team: str
    by_month: Sequence[Decimal]
    total: Decimal
    entries: int

    @property
    def latest_first(self) -> Sequence[Decimal]:
        return self.by_month[::-1]


def table(costs: Costs) -> list[TeamRow]:
    """The teams, the dearest first."""
    cost: dict[str, dict[dt.date, Decimal]] = defaultdict(dict)
    entries: dict[str, int] = defaultdict(int)
    for row in costs.rows:
        cost[row.team][row.month] = row.cost
        entries[row.team] += row.entries
    teams = [_team(team, months, costs.months, entries[team]) for team, months in cost.items()]
    return sorted(teams, key=lambda team: (-team.total, team.team))


def _team(team: str, cost: Mapping[dt.date, Decimal], months: Sequence[dt.date], entries: int) -> TeamRow:
    return TeamRow(team, [cost.get(month, NOTHING) for month in months], sum(cost.values(), NOTHING), entries)


def by_month(costs: Costs) -> list[Decimal]:
    totals: dict[dt.date, Decimal] = defaultdict(Decimal)
    for row in costs.rows:
        totals[row.month] += row.cost
    return [totals.get(month, NOTHING) for month in costs.months]


def chart(costs: Costs) -> Chart:
    """A bar a month."""
    totals = [float(total) for total in by_month(costs)]
    top = charts.round_top(max(totals))
    titles = [
        f"{_month(month)}: {dollars(total)}"
        for month, total in zip(costs.months, by_month(costs), strict=True)
    ]
    return Chart(
        sentence=sentence(costs),
        levels=[f"${level}" for level in charts.count_levels(top)],
        marks=charts.marks(costs.months, lambda month: f"{month:%b %Y}", between=True),
        bars=charts.bars(totals, top, titles) if any(totals) else [],
    )


def sentence(costs: Costs) -> str:
    """`$9,457 in 12 months, $990 of it this month; June 2026 cost most, and bilko of all teams.`"""
    totals = by_month(costs)
    total = sum(totals, NOTHING)
    span = f"{len(costs.months)} months"
    if not total:
        return f"No task of the last {span} says what it cost."
    dearest = costs.months[totals.index(max(totals))]
    teams = table(costs)
    most = (
        f", and of all teams {teams[0].team or 'tasks without a team'} ({dollars(teams[0].total)})"
        if len(teams) > 1
        else ""
    )
    return (
        f"{dollars(total)} in {span}, {dollars(totals[-1])} of it this month; "
        f"{_month(dearest)} cost most ({dollars(max(totals))}){most}."
    )


def dollars(amount: Decimal) -> str:
    """`$1,204`, and below a hundred `$4.12`."""
    return f"${amount:,.0f}" if amount >= 100 or amount == 0 else f"${amount:,.2f}"


def _month(month: dt.date) -> str:
    return f"{month:%B %Y}"
