"""What the ledger does by itself."""

from celery import shared_task

from alai.kernel.principals import Principal
from missioncontrol import services

SYSTEM = Principal(actor="system", scopes=frozenset({"admin"}))


@shared_task
def sweep_expired_leases() -> str:
    """End every lease that ran out."""
    released = total = services.sweep_claims(by=SYSTEM, auto_release=True)[1]
    while released == services.MAX_SWEEP:
        released = services.sweep_claims(by=SYSTEM, auto_release=True)[1]
        total += released
    return f"{total} expired leases ended" if total else "no lease has expired"
