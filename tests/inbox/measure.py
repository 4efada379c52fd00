"""`python -m tests.inbox.measure`: the rates and the table per signal of docs/triage.md, from the set of real mail."""

from collections.abc import Iterable

from inbox.mail import parse
from inbox.triage import THRESHOLD, Judgement, Surroundings, Verdict, judge
from inbox.triage.scan.lexicon import weights
from tests.inbox import corpus, modern
from tests.inbox.triage.cases import NOW

KINDS = ("phish", "ham", "newsletter")


def share(found: Iterable[Judgement]) -> str:
    verdicts = [judgement.decision.verdict for judgement in found]
    count = verdicts.count(Verdict.QUARANTINE)
    return f"{count} of {len(verdicts)} ({100 * count / len(verdicts):.1f} %)"


def rates() -> str:
    """A line a kind: half 0, half 1, all."""
    lines = ["| quarantined | half 0 | half 1 | all |", "|---|---|---|---|"]
    for kind in (*KINDS, "spam", "auto", "malformed"):
        found = corpus.judged(kind)
        halves = [[one for path, one in found.items() if corpus.half(path) == half] for half in (0, 1)]
        lines.append(f"| {kind} | {share(halves[0])} | {share(halves[1])} | {share(found.values())} |")
    today = [judge(parse(modern.build(spec)), Surroundings(now=NOW)) for spec in modern.specifications()]
    lines.append(f"| honest mail of today | | | {share(today)} |")
    return "\n".join(lines)


def table() -> str:
    """A line a signal: how often in each kind, and how much phishing would pass without it."""
    found = {kind: [_points(one) for one in corpus.judged(kind).values()] for kind in KINDS}
    lines = ["| signal | points | phish | ham | newsletter | adds |", "|---|---|---|---|---|---|"]
    rows = []
    for code, weight in weights().items():
        hits = {kind: sum(code in points for points in found[kind]) for kind in KINDS}
        caught = [points for points in found["phish"] if sum(points.values()) >= THRESHOLD]
        adds = sum(round(sum(points.values()) - points.get(code, 0), 2) < THRESHOLD for points in caught)
        rows.append(
            (
                hits["phish"],
                f"| `{code}` | {weight.points:g} | {' | '.join(map(str, hits.values()))} | {adds} |",
            )
        )
    return "\n".join(lines + [line for _, line in sorted(rows, key=lambda row: -row[0])])


def _points(judgement: Judgement) -> dict[str, float]:
    return {signal.code: signal.weight for signal in judgement.outcomes["security"].signals}


if __name__ == "__main__":
    print(rates(), table(), sep="\n\n")
