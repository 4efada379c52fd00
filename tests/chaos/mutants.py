"""Ways to get leases wrong. Each must be caught by the checks, or the checks prove nothing."""

from collections.abc import Callable
from datetime import timedelta

from django.db import connection

from missioncontrol import lease_sql, leases
from missioncontrol.leases import Standing


def no_fence() -> None:
    """Whoever shows any fence may write."""
    lease_sql.CHANGE = _without(
        lease_sql.CHANGE,
        "(NOT live OR %(fence)s::bigint <> fencing_token) THEN 'stale_fence'",
        "true THEN 'ok'",
    )


def plain_subselect() -> None:
    """`next` picks a task without locking it."""
    lease_sql.NEXT = _without(lease_sql.NEXT, "FOR NO KEY UPDATE OF t SKIP LOCKED", "")


def check_then_act() -> None:
    """`claim` looks whether the task is free, and takes it in a second statement."""
    lease_sql.CLAIM = _without(lease_sql.CLAIM, "THEN 'lease_held'", "AND false THEN 'lease_held'")
    act = leases.claim

    def claim(task_id: int, *, actor: str, session: str, ttl: timedelta) -> Standing | None:
        seen = leases.status(task_id)
        if seen is None or (seen.live and seen.holder != f"{actor}:{session}"):
            return None
        return act(task_id, actor=actor, session=session, ttl=ttl)

    leases.claim = claim  # type: ignore[assignment]


def early_answers() -> None:
    """Commits are acknowledged before they are on disk."""
    connection.settings_dict["OPTIONS"]["options"] += " -c synchronous_commit=off"


MUTANTS: dict[str, Callable[[], None]] = {
    "no fence": no_fence,
    "plain subselect in next": plain_subselect,
    "check, then act": check_then_act,
    "early answers": early_answers,
}


def _without(sql: str, text: str, instead: str) -> str:
    assert text in sql, "the statement changed: change its mutant too"
    return sql.replace(text, instead)
