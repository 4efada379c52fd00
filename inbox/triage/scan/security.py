"""The stage of the security scan: a sum of signals against one number (decision 3)."""

from collections.abc import Iterator

from inbox.triage.scan import attached, authenticity, content, links, sender
from inbox.triage.scan.view import View
from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict

# Two strong signs or three middling ones. No single sign reaches it but a program that is attached: each
# of the others has an honest explanation, two or three at once have none. Measured in docs/triage.md.
THRESHOLD = 5.0
SIGNALS = (*sender.SIGNALS, *authenticity.SIGNALS, *links.SIGNALS, *content.SIGNALS, *attached.SIGNALS)


def judge(sighting: Sighting) -> Outcome:
    """Quarantines what reaches the threshold or comes from a blocked sender, unless a person released it."""
    known = sighting.known
    signals = sorted(scan(sighting), key=lambda signal: -signal.weight)
    score = round(sum(signal.weight for signal in signals), 2)
    suspicious = score >= THRESHOLD
    reasons = tuple(signal.code for signal in signals if signal.weight > 0)
    if known.blocked_sender:
        signals.insert(0, Signal("blocked_sender", 0, "A person said: never again."))
        reasons = ("blocked_sender", *reasons)
    if known.released:
        signals.insert(0, Signal("released", 0, "A person released it: the scan only annotates."))
    elif suspicious or known.blocked_sender:
        decision = Decision(Verdict.QUARANTINE, Action.QUARANTINED, Classification.SPAM, reasons=reasons)
        return Outcome(tuple(signals), decision, {"suspicious": suspicious})
    return Outcome(tuple(signals), facts={"suspicious": suspicious})


def scan(sighting: Sighting) -> Iterator[Signal]:
    """All signals of a message, in no order."""
    view = View(sighting.mail, sighting.known, dict(sighting.facts))
    for signal in SIGNALS:
        yield from signal(view)
