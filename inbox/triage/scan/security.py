"""The stage of the security scan: a sum of signals against one number (decision 3)."""

from collections.abc import Iterator

from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict

THRESHOLD = 5.0


def judge(sighting: Sighting) -> Outcome:
    """Quarantines what reaches the threshold or comes from a blocked sender, unless a person released it."""
    known = sighting.known
    signals = sorted(scan(sighting), key=lambda signal: -signal.weight)
    score = sum(signal.weight for signal in signals)
    reasons = tuple(signal.code for signal in signals if signal.weight > 0)
    if known.blocked_sender:
        signals.insert(0, Signal("blocked_sender", 0, "A person said: never again."))
        reasons = ("blocked_sender", *reasons)
    if known.released:
        signals.insert(0, Signal("released", 0, "A person released it: the scan only annotates."))
    elif score >= THRESHOLD or known.blocked_sender:
        decision = Decision(Verdict.QUARANTINE, Action.QUARANTINED, Classification.SPAM, reasons=reasons)
        return Outcome(tuple(signals), decision, {"suspicious": True})
    return Outcome(tuple(signals), facts={"suspicious": score >= THRESHOLD})


def scan(sighting: Sighting) -> Iterator[Signal]:
    """All signals of a message."""
    mail = sighting.mail
    codes = {finding.code for finding in mail.findings}
    if codes & {"from_missing", "from_unparsable"}:
        yield Signal("from_unparsable", 3, "The From holds no readable address.")
    if sighting.facts.get("failed"):
        yield Signal("authentication_failed", 4, "Our server says that the From is forged.")
    elif any(result.method == "dmarc" and result.result == "fail" for result in mail.authentication):
        yield Signal(
            "authentication_failed_elsewhere", 3, "A server on its way says that the From is forged."
        )
    if sighting.facts.get("own_claimed") and (sighting.known.fetched or sighting.facts.get("failed")):
        yield Signal("own_forged", 3, "It claims to come from ourselves.")
    for attachment in mail.attachments:
        if attachment.kind in ("executable", "script", "shortcut", "office-macro", "disk-image"):
            yield Signal("attachment_dangerous", 5, f"{attachment.filename[:80]} is a {attachment.kind}.")
            break
