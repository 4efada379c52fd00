"""What the scan let pass and yet disturbs nobody: automatic mail, our own, and what is too old."""

from inbox.triage.stages.own import OWN
from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Verdict

_AUTOMATIC = Decision(Verdict.QUEUE, Action.AUTOMATIC, Classification.INFO, reasons=("automatic",))
_TOO_OLD = Decision(Verdict.QUEUE, Action.TOO_OLD, Classification.INFO, reasons=("too_old",))


def judge(sighting: Sighting) -> Outcome:
    """Ends the way of such mail."""
    for fact, decision in (("own", OWN), ("automatic", _AUTOMATIC), ("too_old", _TOO_OLD)):
        if sighting.facts.get(fact):
            return Outcome((), decision)
    return Outcome()
