"""What the ledger does by itself."""

import logging

from celery import shared_task

from alai.kernel import context
from alai.kernel.jobs import Idle
from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.services import upkeep

logger = logging.getLogger(__name__)

SYSTEM = Principal(actor="system", scopes=frozenset({"admin"}))


@shared_task
def sweep_expired_leases() -> str:
    """End every lease that ran out."""
    released = total = services.sweep_claims(by=SYSTEM, auto_release=True)[1]
    while released == services.MAX_SWEEP:
        released = services.sweep_claims(by=SYSTEM, auto_release=True)[1]
        total += released
    return f"{total} expired leases ended" if total else Idle("no lease has expired")


@shared_task
def fold_tallies() -> str:
    """Add up the tallies, so that a page has few rows to sum."""
    folded = upkeep.fold_tallies()
    return f"{folded} rows of the tallies added up" if folded else Idle("nothing to add up")


@shared_task
def check_tallies() -> str:
    """Add up all that a large import may have left, count all tasks once and compare."""
    upkeep.fold_tallies(upkeep.ALL)
    with context.acting(actor=SYSTEM.actor, why="the tallies differed from a count of all tasks"):
        wrong = upkeep.check_tallies()
    if wrong:
        logger.error(
            "Tallies of the tasks were wrong; they are corrected and on record", extra={"figures": wrong}
        )
    return f"{wrong} figures of the tallies corrected" if wrong else "the tallies are right"
