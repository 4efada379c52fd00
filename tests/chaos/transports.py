"""How a client of a run speaks to the ledger: by the lease statements themselves, or over HTTP.

Both answer what a verb returned as a dictionary; they raise `Refused` when the verb said no, and `Unknown` when
nobody can say what became of it.
"""

import http.client
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import psycopg
from django.db import Error, connection

from alai.kernel import context
from missioncontrol import leases
from missioncontrol.leases import Presented, Standing
from tests.chaos.history import Op

TEAMS = ("red", "blue")  # all tasks belong to one of them
SERVER_GONE = ("57", "08")  # SQLSTATE classes: operator intervention, connection


class Refused(Exception):
    """The verb was refused with this code; nothing was written."""


class Unknown(Exception):
    """The answer never came."""


class Transport(Protocol):
    def call(self, op: Op, actor: str, session: str) -> dict[str, Any]:
        """Do what `op` says, as this holder."""

    def reconnect(self) -> None:
        """Give up the connection, so that the next call opens another."""


class Statements:
    """The statements of `missioncontrol.leases` on a connection of this process's own."""

    def __init__(self, source: str) -> None:
        connection.settings_dict["OPTIONS"].pop("pool", None)
        self._only = {"filters": "AND t.source = %(source)s", "params": {"source": source}}
        self._verbs: dict[str, Callable[..., Standing | None]] = {
            "claim": self._claim, "next": self._next, "extend": self._extend, "release": self._release,
            "force": self._force, "write": self._write, "done": self._done, "reopen": self._reopen,
        }  # fmt: skip

    def call(self, op: Op, actor: str, session: str) -> dict[str, Any]:
        try:
            with context.acting(actor=actor, request_id=op.id):
                if op.verb == "sweep":
                    return {"changed": len(leases.sweep(**self._only))}  # type: ignore[arg-type]
                return _told(self._verbs[op.verb](op, actor, session))
        except Error as error:
            cause = error.__cause__
            state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
            if state is None or state.startswith(SERVER_GONE):
                raise Unknown(str(error).splitlines()[0]) from None
            raise Refused(state) from None

    def reconnect(self) -> None:
        connection.close()

    def _claim(self, op: Op, actor: str, session: str) -> Standing | None:
        return leases.claim(_task(op), actor=actor, session=session, ttl=timedelta(seconds=op.ttl))

    def _next(self, op: Op, actor: str, session: str) -> Standing | None:
        ttl = timedelta(seconds=op.ttl)
        only = {**self._only, "teams": _teams(op)}
        return leases.claim_next(actor=actor, session=session, ttl=ttl, **only)  # type: ignore[arg-type]

    def _extend(self, op: Op, actor: str, session: str) -> Standing | None:
        return leases.extend(_task(op), actor=actor, session=session, ttl=timedelta(seconds=op.ttl))

    def _release(self, op: Op, actor: str, session: str) -> Standing | None:
        return leases.release(_task(op), actor=actor, session=session)

    def _force(self, op: Op, actor: str, session: str) -> Standing | None:
        return leases.release(_task(op), actor=actor, session=session, override=True)

    def _write(self, op: Op, actor: str, session: str) -> Standing | None:
        presented = Presented(actor=actor, session=session, fence=op.fence)
        return leases.change(_task(op), presented, kind="in_progress", status="in_progress", owner=op.id)

    def _done(self, op: Op, actor: str, session: str) -> Standing | None:
        presented = Presented(actor=actor, session=session, fence=op.fence)
        return leases.change(_task(op), presented, kind="done", status="done")

    def _reopen(self, op: Op, actor: str, session: str) -> Standing | None:
        return leases.change(_task(op), Presented(actor=actor), kind="reopened", status="open")


class Rest:
    """The REST API over one connection that is kept alive. `tokens` maps actors to their tokens."""

    def __init__(self, port: int, source: str, tokens: dict[str, str]) -> None:
        self._port = port
        self._source = source
        self._tokens = tokens
        self._http: http.client.HTTPConnection | None = None

    def call(self, op: Op, actor: str, session: str) -> dict[str, Any]:
        method, path, body = self._request(op, actor, session)
        token = self._tokens["ole" if op.verb in ("force", "sweep") else actor]
        headers = {
            "Authorization": f"Bearer {token}", "X-Request-ID": op.id, "Content-Type": "application/json"
        }  # fmt: skip
        if op.fence is not None:
            headers["X-Fencing-Token"] = str(op.fence)
        status, answer = self._exchange(method, path, json.dumps(body), headers)
        if status >= 500:
            raise Unknown(f"HTTP {status}")
        if status >= 400:
            raise Refused(answer["code"])
        if status == 204:
            raise Refused("nothing")
        return self._told(op, answer)

    def reconnect(self) -> None:
        if self._http is not None:
            self._http.close()
        self._http = None

    def _request(self, op: Op, actor: str, session: str) -> tuple[str, str, dict[str, Any]]:
        me = {"actor": actor, "session": session}
        lease = {**me, "ttl_minutes": round(op.ttl / 60)}
        task = f"/tasks/{op.task}"
        requests: dict[str, tuple[str, str, dict[str, Any]]] = {
            "claim": ("POST", f"{task}/claim", lease),
            "next": (
                "POST",
                "/claims/next",
                {**lease, "filters": {"source": self._source, "team": _teams(op)}},
            ),
            "extend": ("POST", f"{task}/claim-extend", lease),
            "release": ("POST", f"{task}/claim-release", me),
            "force": ("POST", f"{task}/claim-release", {"actor": "ole", "force": True, "reason": "stuck"}),
            "write": ("PATCH", task, {"owner": op.id}),
            "done": ("POST", f"{task}/done", {**me, "evidence": ["deployed"]}),
            "reopen": ("PATCH", task, {"status": "open"}),
            "sweep": ("POST", "/claims/sweep", {"auto_release": True}),
        }
        return requests[op.verb]

    def _exchange(self, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
        if self._http is None:
            self._http = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        try:
            self._http.request(method, f"/api/v1{path}", body, headers)
            reply = self._http.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unknown(repr(error)) from None
        return reply.status, json.loads(content) if content else None

    def _told(self, op: Op, answer: dict[str, Any]) -> dict[str, Any]:
        if op.verb in ("claim", "next", "extend"):
            return {"task": answer["task_id"], "fence": answer["fencing_token"]}
        if op.verb == "sweep":
            return {"changed": "unknown"}  # it sweeps the tasks of other runs too
        if op.verb in ("release", "force"):
            return {"changed": int(answer["released"])}
        return {"task": answer["id"]}


def _task(op: Op) -> int:
    assert op.task is not None
    return op.task


def _teams(op: Op) -> tuple[str, ...]:
    """Whom every other `next` names: all there are, which is asked in another way than everybody."""
    return TEAMS if int(op.id.rpartition("-")[2]) % 2 else ()


def _told(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        raise Refused("nothing")
    if standing.verdict not in ("ok", "free"):
        raise Refused(standing.verdict)
    return {"task": standing.id, "fence": standing.fencing_token, "changed": int(standing.changed)}
