"""The pipeline: ordered pure stages over a parsed message; the first verdict wins, every stage leaves evidence."""

from inbox.triage.pipeline import STAGES, judge
from inbox.triage.scan.security import THRESHOLD
from inbox.triage.verdicts import (
    Action,
    Classification,
    Contact,
    Decision,
    Judgement,
    Opinion,
    Outcome,
    Partner,
    Sighting,
    Signal,
    Stage,
    Surroundings,
    Verdict,
)

__all__ = [
    "STAGES",
    "THRESHOLD",
    "Action",
    "Classification",
    "Contact",
    "Decision",
    "Judgement",
    "Opinion",
    "Outcome",
    "Partner",
    "Sighting",
    "Signal",
    "Stage",
    "Surroundings",
    "Verdict",
    "judge",
]
