"""What the kernel is told about mail accounts: figures, health, who needs somebody, and how a worker stops."""

from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import DatabaseError

from alai.kernel import health, metrics, needs
from alai.kernel.valkey import valkey
from inbox import accounts
from inbox.account_needs import broken_accounts
from inbox.fetching.kept import KEEPER


def register() -> None:
    lag = "Seconds since an account was last read."
    metrics.gauge("alai_mail_account_lag_seconds", lag, ["account"], accounts.lags)
    waiting = "Messages known to the server and not fetched."
    metrics.gauge("alai_mail_account_behind", waiting, ["account"], accounts.behind)
    metrics.gauge("alai_mail_account_failures", "Failures in a row.", ["account"], accounts.failures)
    metrics.gauge("alai_mail_accounts", "Mail accounts.", ["state"], accounts.by_state)
    metrics.queue_depth(_queue)
    health.register("mail", _health)
    needs.register("mail accounts", broken_accounts, weight=85)
    worker_shutting_down.connect(_interrupt, dispatch_uid="inbox.interrupt-fetching")


def _queue() -> dict[tuple[str, ...], float]:
    return {(settings.MAIL_QUEUE,): float(valkey().llen(settings.MAIL_QUEUE))}


def _health() -> health.Finding | None:
    """Of interest once an account is watched: whether the mail worker lives, and whether accounts can be read."""
    try:
        amiss = accounts.summary()
    except DatabaseError:
        return None
    if amiss is None:
        return None
    worker = health.seen(settings.MAIL_QUEUE)
    if worker.status != "ok":
        return health.Finding("degraded", f"the mail worker: {worker.detail}")
    return health.Finding("degraded" if amiss else "ok", amiss or "all accounts are read")


def _interrupt(**_: object) -> None:
    """A worker that stops does not wait for mail servers."""
    KEEPER.stop()
