"""Waking a worker after a commit, so that what waits in a table is not left to the next poll.

The poll does it anyway: a broker that is away must not hurt or delay anybody.
"""

import logging
import time
from dataclasses import dataclass

from celery import current_app
from django.db import connection, transaction

logger = logging.getLogger(__name__)

BRIEFLY = {"max_retries": 0, "socket_connect_timeout": 0.5, "socket_timeout": 1.0}
PAUSE_SECONDS = 5.0

_not_until = 0.0  # monotonic; after a failure callers are spared for a while


@dataclass(frozen=True, slots=True)
class _Wake:
    task: str

    def __call__(self) -> None:
        wake(self.task)


def after_commit(task: str) -> None:
    """Ask for a run of the task once this transaction is committed; once, however often it is called."""
    call = _Wake(task)
    if call not in [registered[1] for registered in connection.run_on_commit]:
        transaction.on_commit(call)


def wake(task: str) -> None:
    """Ask a worker to run the task now; silent while the broker is away."""
    global _not_until
    if time.monotonic() < _not_until:
        return
    try:
        # A connection of its own: by default Celery tries for 6 s to reach a broker that is away.
        with current_app.connection_for_write(transport_options=BRIEFLY) as broker:
            current_app.send_task(task, connection=broker, retry=False, expires=60)
    except Exception as error:
        _not_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("The broker did not take a wake-up; the next poll delivers (%s)", type(error).__name__)
