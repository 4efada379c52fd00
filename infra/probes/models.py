"""Model servers: whether one answers, and whether it has the models that it should."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra.probes.base import Observation, Verdict, down
from infra.probes.conditions import failing
from infra.probes.http import HttpProbe

KEPT = 200  # names of models


@dataclass(frozen=True, slots=True)
class ModelServerProbe(HttpProbe):
    """Down when it does not answer, degraded when it lacks one of `models`. Handbook: "Ollama Failover Tier Routing".

    `url` is its list of models: Ollama's `/api/tags`, or `/v1/models` of an OpenAI-compatible server.
    """

    down_unless: tuple[str, ...] = ("[STATUS] == 200",)
    timeout: float = 3.0
    models: tuple[str, ...] = ()

    def judge(self, seen: dict[str, Any], facts: dict[str, Any]) -> Observation:
        latency = seen["RESPONSE_TIME"]
        wrong = failing(self.down_unless, seen)
        if wrong:
            return Observation(Verdict.DOWN, "; ".join(wrong), latency, facts)
        found = models_of(seen["BODY"])
        if found is None:
            return down("It does not answer with a list of models.", latency, **facts)
        missing = [name for name in self.models if not has_model(found, name)]
        facts = {**facts, "models": found[:KEPT], "missing": missing}
        if missing:
            return Observation(Verdict.DEGRADED, f"It lacks {', '.join(missing)}.", latency, facts)
        worse = failing(self.degraded_unless, seen)
        if worse:
            return Observation(Verdict.DEGRADED, "; ".join(worse), latency, facts)
        return Observation(Verdict.UP, f"{len(found)} models in {latency:.0f} ms", latency, facts)


def models_of(body: str) -> list[str] | None:
    """The names in a list of models; None when it is no such list."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    rows = answer.get("models", answer.get("data")) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        return None
    names = (row.get("name") or row.get("model") or row.get("id") for row in rows if isinstance(row, dict))
    return sorted({str(name)[:200] for name in names if name})


def has_model(found: Iterable[str], wanted: str) -> bool:
    """Whether a model is among the found; one without a tag is the `latest`, as Ollama reads it."""
    return full_name(wanted) in {full_name(name) for name in found}


def full_name(model: str) -> str:
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"
