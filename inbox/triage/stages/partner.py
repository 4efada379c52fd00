"""A strategic partner goes straight to a person, if it is the partner (decision 1)."""

from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict


def judge(sighting: Sighting) -> Outcome:
    """Decides for authenticated partners; an unproven one must get past the scan first."""
    partner, facts = sighting.known.partner, sighting.facts
    if partner is None:
        return Outcome()
    signal = Signal(
        "partner", 0, f"{partner.matched} is on the allowlist: {partner.name}, tier {partner.tier}."
    )
    if facts.get("automatic") or facts.get("own") or facts.get("too_old"):
        return Outcome((signal,), facts={"partner": True})
    if not facts.get("verified"):
        doubt = Signal("partner_unverified", 0, "Nothing proves that the partner sent it.")
        return Outcome((signal, doubt), facts={"partner": True, "partner_unverified": True})
    return Outcome((signal,), decision(Action.PARTNER), {"partner": True})


def unproven(sighting: Sighting) -> Outcome:
    """After the scan: a clean mail in a partner's name is pushed, marked as unverified."""
    if sighting.facts.get("partner_unverified"):
        return Outcome((), decision(Action.PARTNER_UNVERIFIED))
    return Outcome()


def decision(action: Action) -> Decision:
    """A task of high priority."""
    return Decision(Verdict.TASK, action, Classification.ACTION, "high", (action.value,))
