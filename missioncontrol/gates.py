"""What must hold before a task may be ready or done. Higher apps add gates in their `AppConfig.ready`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from missioncontrol.models import Evidence, Task

Verb = Literal["ready", "done"]
Check = Callable[[Verb, Task, Sequence[Evidence]], list[str]]


@dataclass(frozen=True)
class Gate:
    """`check(verb, task, evidence)` returns one sentence for each thing that is missing; empty means pass."""

    name: str
    check: Check
    verbs: tuple[Verb, ...] = ("ready", "done")


_gates: dict[str, Gate] = {}


def register(gate: Gate) -> None:
    _gates[gate.name] = gate


def unregister(name: str) -> None:
    _gates.pop(name, None)


def missing(verb: Verb, task: Task, evidence: Sequence[Evidence]) -> list[dict[str, str]]:
    """Everything that the registered gates still want, as `{"gate", "missing"}`."""
    return [
        {"gate": gate.name, "missing": sentence}
        for gate in _gates.values()
        if verb in gate.verbs
        for sentence in gate.check(verb, task, evidence)
    ]
