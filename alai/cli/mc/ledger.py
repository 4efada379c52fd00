"""What every verb works on: the server, or the legacy SQLite file, with the same shapes and the same refusals."""

from __future__ import annotations

from abc import ABC, abstractmethod

from alai.cli.commands import load
from alai.cli.config import Settings
from alai.cli.fences import Fences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from alai.cli.options import Given

    Json = dict[str, Any]


class Ledger(ABC):
    """Tasks, grants and pages are dictionaries in the shapes of the REST API.

    A `key` is the Idempotency-Key of an earlier run whose outcome is to be settled.
    """

    @abstractmethod
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.actor = settings.actor

    @property
    def session(self) -> str:
        return self.settings.session

    @property
    def fences(self) -> Fences:
        return Fences(self.settings.url or f"file {self.settings.database}", self.session)

    def claim(self, task: int, minutes: int, override: Json | None = None, *, key: str = "") -> Json:
        """Take the lease and keep its fence; `{task_id, holder, lease_until, fencing_token}`."""
        fences = self.fences
        fences.prepare()
        grant = self.take(task, minutes, override, key=key)
        fences.keep(task, grant["fencing_token"], grant["holder"])
        return grant

    def claim_next(self, minutes: int, filters: Json, *, key: str = "") -> Json | None:
        """The same for the best waiting task, which is under `task`; None when there is none."""
        fences = self.fences
        fences.prepare()
        grant = self.take_next(minutes, filters, key=key)
        if grant is not None:
            fences.keep(grant["task_id"], grant["fencing_token"], grant["holder"])
        return grant

    def release(
        self,
        task: int,
        *,
        override: Json | None = None,
        force: bool = False,
        reason: str = "",
        key: str = "",
    ) -> Json:
        """End the lease and forget its fence; `{task_id, released}`."""
        answer = self.give_back(task, override=override, force=force, reason=reason, key=key)
        self.fences.forget(task)
        return answer

    def finish(self, task: int, verb: str, items: list[int | str], reason: str) -> Json:
        """Make a task ready or done; its lease ends, and its fence is forgotten."""
        finished = self.close(task, verb, items, reason)
        self.fences.forget(task)
        return finished

    def fence(self, task: int) -> int | None:
        """The fence of this session's claim, to be shown with a write."""
        kept = self.fences.kept(task)
        return kept["fencing_token"] if kept else None

    def limit(self, seconds: float) -> None:
        """How long an exchange may take from now on."""
        self.settings.timeout = seconds

    @abstractmethod
    def list_tasks(self, filters: Json) -> Json: ...

    @abstractmethod
    def task(self, task: int) -> Json: ...

    @abstractmethod
    def add(self, fields: Json, *, key: str = "") -> Json: ...

    @abstractmethod
    def update(self, task: int, changes: Json) -> Json: ...

    @abstractmethod
    def attach(self, task: int, path: str, kind: str, *, upload: bool) -> int | str:
        """Register or upload a file; what `finish` is to name as evidence."""

    @abstractmethod
    def spend(self, task: int, amount: str) -> None:
        """Add so many US dollars to what the task has cost: once, though the command is run again."""

    @abstractmethod
    def close(self, task: int, verb: str, items: list[int | str], reason: str) -> Json: ...

    @abstractmethod
    def comment(self, task: int, text: str, *, key: str = "") -> Json: ...

    @abstractmethod
    def comments(self, task: int, page: Json) -> Json: ...

    @abstractmethod
    def events(self, task: int, page: Json) -> Json: ...

    @abstractmethod
    def stats(self) -> Json: ...

    @abstractmethod
    def take(self, task: int, minutes: int, override: Json | None, *, key: str = "") -> Json: ...

    @abstractmethod
    def take_next(self, minutes: int, filters: Json, *, key: str = "") -> Json | None: ...

    @abstractmethod
    def extend(self, task: int, minutes: int) -> Json: ...

    @abstractmethod
    def give_back(
        self, task: int, *, override: Json | None, force: bool, reason: str, key: str = ""
    ) -> Json: ...

    @abstractmethod
    def status(self, task: int) -> Json: ...

    @abstractmethod
    def sweep(self, *, auto_release: bool) -> Json: ...


def open_ledger(given: Given) -> Ledger:
    """The ledger that flags, environment and configuration name."""
    settings = Settings(given)
    kind = "alai.cli.mc.remote:Remote" if settings.url else "alai.cli.mc.legacy:Legacy"
    ledger: Ledger = load(kind)(settings)
    return ledger
