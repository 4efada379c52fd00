"""The 30-day rule: older mail is stored and scanned, never tasked (handbook, Known Limitations)."""

from datetime import datetime, timedelta

from inbox.triage.verdicts import Outcome, Sighting, Signal

LIMIT = timedelta(days=30)


def judge(sighting: Sighting) -> Outcome:
    """The fact `too_old`, by when the server took the mail, else by its Date."""
    known = sighting.known
    when: datetime | None = known.received_at or sighting.mail.date
    if when is None or known.now - when <= LIMIT:
        return Outcome(facts={"too_old": False})
    return Outcome(
        (Signal("too_old", 0, f"It is from {when:%Y-%m-%d}, more than 30 days ago."),),
        facts={"too_old": True},
    )
