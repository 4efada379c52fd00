"""Our own address as sender: never a task, never a push (decision 6); forged, it is a sign of phishing."""

from inbox.triage.stages.authentication import standing
from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict

OWN = Decision(Verdict.QUEUE, Action.OWN, Classification.OWN, reasons=("own",))


def judge(sighting: Sighting) -> Outcome:
    """Ours when it lay in our Sent folder or is authenticated; otherwise the scan has its say first."""
    mail, known = sighting.mail, sighting.known
    claims = any(sender.email in known.own_addresses for sender in mail.senders if sender.email)
    if known.fetched and known.sent:
        return Outcome((Signal("own", 0, "It lay in our own Sent folder."),), OWN, {"own": True})
    if not claims:
        return Outcome(facts={"own": False})
    if standing(mail, known).verified:
        return Outcome((Signal("own", 0, "It is from our own address, authenticated."),), OWN, {"own": True})
    detail = "It claims our own address as its sender, and nothing proves it."
    return Outcome((Signal("own_claimed", 0, detail),), facts={"own": True, "own_claimed": True})
