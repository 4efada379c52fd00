"""Somebody whom we know writes: a task. History lends trust to authenticated senders alone (decision 4)."""

from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict


def judge(sighting: Sighting) -> Outcome:
    """Decides for authenticated known contacts; high priority when a task of theirs is open."""
    contact = sighting.known.contact
    if contact is None:
        return Outcome()
    signal = Signal("known_contact", 0, f"Known by {contact.source}: {contact.detail}")
    if not sighting.facts.get("verified"):
        doubt = Signal("contact_unverified", 0, "Nothing proves that the known contact sent it.")
        return Outcome((signal, doubt), facts={"known": True})
    priority = "high" if contact.open_task_id is not None else "medium"
    decision = Decision(Verdict.TASK, Action.LINKED, Classification.ACTION, priority, ("known_contact",))
    return Outcome((signal,), decision, {"known": True})
