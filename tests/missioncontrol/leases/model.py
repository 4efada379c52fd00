"""What the lease verbs should do, in plain Python: no SQL, no clock, a task at a time."""

from dataclasses import dataclass

Holder = tuple[str, str]  # actor, session

CLOSED = ("done", "cancelled")
ENDING = ("ready", "done", "cancelled")


@dataclass
class ModelTask:
    """A task as the rules see it. Each verb returns its verdict and the kinds of the events it leaves."""

    priority: int
    status: str = "open"
    fence: int = 0
    holder: Holder | None = None
    live: bool = False
    proved: bool = False

    def claim(self, who: Holder, *, override: bool = False, full: bool = False) -> tuple[str, list[str]]:
        """`full`: the actor holds as many tasks as it may."""
        if self.status in CLOSED:
            return "task_closed", []
        if self.live and self.holder != who and not override:
            return "lease_held", []
        again = self.live and self.holder == who and not override
        if full and not again and not override:
            return "wip_limit", []
        self.fence += 0 if again else 1
        self.holder, self.live = who, True
        self.status = "in_progress" if self.status == "open" else self.status
        return "ok", ["lease_refreshed" if again else "claimed"]

    def extend(self, who: Holder) -> tuple[str, list[str]]:
        if self.live and self.holder == who:
            return "ok", ["lease_extended"]
        return "lease_not_held", []

    def release(self, who: Holder, *, override: bool = False) -> tuple[str, list[str]]:
        own = self.holder == who
        if self.holder is None or not (self.live or own or override):
            return "free", []
        if not own and not override:
            return "lease_held", []
        self.fence += override
        self._end_lease()
        return "ok", ["lease_revoked" if override else "lease_released"]

    def expire(self) -> None:
        self.live = False

    def sweep(self) -> list[str]:
        if self.holder is None or self.live:
            return []
        self._end_lease()
        return ["lease_expired"]

    def rule(self, who: Holder, fence: int | None, *, person: bool = False, reason: str = "") -> str:
        """What a protected write meets: `ok`, `takeover`, or the code of its refusal.

        An empty session in `who` means that none was given.
        """
        if fence is not None and (not self.live or fence != self.fence):
            return "stale_fence"
        if not self.live or (fence is not None and self._is_of(who)):
            return "ok"
        if not person:
            return "lease_held"
        return "takeover" if reason else "reason_required"

    def move(self, ruling: str, target: str) -> tuple[str, list[str]]:
        """A change of status by PATCH."""
        if ruling not in ("ok", "takeover"):
            return ruling, []
        if target == self.status:
            return "ok", []
        kind = "reopened" if self.status in CLOSED else target
        self._change(ruling, target)
        return "ok", [kind]

    def finish(self, ruling: str, verb: str) -> tuple[str, list[str]]:
        """`ready` or `done`, showing the one reference that every finisher shows."""
        if ruling not in ("ok", "takeover"):
            return ruling, []
        if self.status in CLOSED and self.status != verb:
            return "task_closed", []
        events = [] if self.proved else ["evidence_added"]
        self.proved = True
        if self.status == verb:
            return "ok", events
        self._change(ruling, verb)
        return "ok", [*events, verb]

    def claimable(self, blockers: list["ModelTask"]) -> bool:
        """Whether `next` may hand it out."""
        return (
            self.status in ("open", "in_progress")
            and not self.live
            and all(blocker.status == "done" for blocker in blockers)
        )

    def _is_of(self, who: Holder) -> bool:
        return self.holder is not None and self.holder[0] == who[0] and who[1] in ("", self.holder[1])

    def _change(self, ruling: str, target: str) -> None:
        self.fence += ruling == "takeover"
        if ruling == "takeover" or target in ENDING:
            self.holder, self.live = None, False
        self.status = target

    def _end_lease(self) -> None:
        self.holder, self.live = None, False
        self.status = "open" if self.status == "in_progress" else self.status
