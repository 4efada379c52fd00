"""The ledger on the server."""

from __future__ import annotations

from alai.cli.commands import load
from alai.cli.mc.ledger import Ledger
from alai.cli.server import Server, new_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.config import Settings
    from alai.cli.mc.ledger import Json


class Remote(Ledger):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._server = Server(settings.url, settings.token, settings.timeout)

    def limit(self, seconds: float) -> None:
        super().limit(seconds)
        self._server.timeout = self.settings.timeout

    def list_tasks(self, filters: Json) -> Json:
        return self._page("/tasks", filters)

    def task(self, task: int) -> Json:
        found: Json = self._server.get(f"/tasks/{task}")
        return found

    def add(self, fields: Json, *, key: str = "") -> Json:
        added: Json = self._server.call("POST", "/tasks", fields, key=key or new_key())
        return added

    def update(self, task: int, changes: Json) -> Json:
        def stands() -> Json | None:
            found = self.task(task)
            moved = [name for name in ("status", "owner") if name in changes]
            return found if moved and all(found[name] == changes[name] for name in moved) else None

        path, fence = f"/tasks/{task}", self.fence(task)
        updated: Json = self._server.call("PATCH", path, changes, fence=fence, stands=stands)
        return updated

    def attach(self, task: int, path: str, kind: str, *, upload: bool) -> int:
        headers, content, key = load("alai.cli.mc.evidence:request")(path, kind, upload=upload)
        target = f"/tasks/{task}/evidence"
        evidence = self._server.send("POST", target, headers, content, fence=self.fence(task), key=key)
        number: int = evidence["id"]
        return number

    def spend(self, task: int, amount: str) -> None:
        """What was spent under a lease is known by its fence: a `done` that is run again adds nothing twice."""
        key = load("alai.cli.mc.evidence:key_of")("cost", task, self.session, self.fence(task), amount)
        self._server.call("POST", f"/tasks/{task}/costs", {"amount_usd": amount}, key=key)

    def close(self, task: int, verb: str, items: list[int | str], reason: str) -> Json:
        def stands() -> Json | None:
            found = self.task(task)
            return found if found["status"] == verb else None

        body = {"evidence": items, "reason": reason, **self._holder()}
        path, fence = f"/tasks/{task}/{verb}", self.fence(task)
        closed: Json = self._server.call("POST", path, body, fence=fence, stands=stands)
        return closed

    def comment(self, task: int, text: str, *, key: str = "") -> Json:
        path = f"/tasks/{task}/comments"
        comment: Json = self._server.call("POST", path, {"body": text}, key=key or new_key())
        return comment

    def comments(self, task: int, page: Json) -> Json:
        return self._page(f"/tasks/{task}/comments", page)

    def events(self, task: int, page: Json) -> Json:
        return self._page(f"/tasks/{task}/events", page)

    def stats(self) -> Json:
        stats: Json = self._server.get("/stats")
        return stats

    def take(self, task: int, minutes: int, override: Json | None, *, key: str = "") -> Json:
        """Asking again as the same holder is harmless; an override raises the fence, so that it needs a key."""
        body = {**self._holder(), "ttl_minutes": minutes}
        if override:
            body["override"] = override
        key = key or (new_key() if override else "")
        grant: Json = self._server.call("POST", f"/tasks/{task}/claim", body, key=key)
        return grant

    def take_next(self, minutes: int, filters: Json, *, key: str = "") -> Json | None:
        body = {**self._holder(), "ttl_minutes": minutes, **({"filters": filters} if filters else {})}
        grant: Json | None = self._server.call("POST", "/claims/next", body, key=key or new_key())
        return grant

    def extend(self, task: int, minutes: int) -> Json:
        body = {**self._holder(), "ttl_minutes": minutes}
        grant: Json = self._server.call("POST", f"/tasks/{task}/claim-extend", body)
        return grant

    def give_back(self, task: int, *, override: Json | None, force: bool, reason: str, key: str = "") -> Json:
        body = self._holder()
        if override:
            body["override"] = override
        if force:
            body.update(force=True, reason=reason)
        key = key or (new_key() if override else "")
        answer: Json = self._server.call("POST", f"/tasks/{task}/claim-release", body, key=key)
        return answer

    def status(self, task: int) -> Json:
        status: Json = self._server.get(f"/tasks/{task}/claim-status")
        return status

    def sweep(self, *, auto_release: bool) -> Json:
        """A lost answer of a release is not asked for again: the second would name none of those released."""
        body = {"auto_release": auto_release}
        swept: Json = self._server.call("POST", "/claims/sweep", body, repeatable=not auto_release)
        return swept

    def _holder(self) -> Json:
        return {"session": self.session, **({"actor": self.actor} if self.actor else {})}

    def _page(self, path: str, query: Json) -> Json:
        page: Json = self._server.get(path, query)
        return page
