"""Asking the LLM whether a mail is revenue-relevant: one word, no tools, one retry (handbook, "LLM Classifier").

Shapes: an OpenAI-compatible `/chat/completions` as mlx_lm.server and Ollama offer it. A reasoning model may leave
`content` null: that is no answer, and no NO.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pybreaker
from django.conf import settings

from alai.kernel import metrics
from inbox.mail.parsed import Parsed
from inbox.models import Account
from inbox.outside import Failed, call
from inbox.triage.prompt import answer, request
from inbox.triage.verdicts import Opinion

THOUSAND = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers. Prices are dollars for 1,000 tokens."""

    name: str
    url: str
    model: str
    key: str
    prompt_price: Decimal
    completion_price: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """One exchange. `outcome` is yes, no, or why there was no usable answer."""

    endpoint: Endpoint
    attempt: int
    outcome: str
    latency_ms: int
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def cost_usd(self) -> Decimal:
        prompt = self.endpoint.prompt_price * self.prompt_tokens
        return (prompt + self.endpoint.completion_price * self.completion_tokens) / THOUSAND


_breakers: dict[str, pybreaker.CircuitBreaker] = {}


def endpoints(permission: str) -> list[Endpoint]:
    """What an account's mail may be shown to, in order: the local model, the cloud's only where it is allowed."""
    found = [_endpoint("local", settings.INBOX_LLM)] if permission != Account.Llm.NONE else []
    if permission == Account.Llm.CLOUD:
        found.append(_endpoint("cloud", settings.INBOX_LLM_CLOUD))
    return [one for one in found if one.url]


def ask(endpoint: Endpoint, mail: Parsed) -> list[Answer]:
    """Ask once, and once more with the stricter prompt when the answer is malformed.

    No answers at all: it failed so often of late that it is left alone for a while.
    """
    try:
        answers = [_ask(endpoint, request(mail, model=endpoint.model), 1)]
        if answers[0].outcome == "malformed":
            answers.append(_ask(endpoint, request(mail, model=endpoint.model, retry=True), 2))
    except pybreaker.CircuitBreakerError:
        return []
    return answers


def opinion_of(answers: Sequence[Answer]) -> Opinion:
    """What the last answer means for the pipeline."""
    last = answers[-1]
    yes = {"yes": True, "no": False}.get(last.outcome)
    return Opinion(yes, f"{last.endpoint.model} answered {last.outcome}.", last.endpoint.model)


def _ask(endpoint: Endpoint, body: dict[str, Any], attempt: int) -> Answer:
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    started = time.monotonic()
    reply: dict[str, Any] = {}
    try:
        reply = _breaker(endpoint).call(
            call, "POST", endpoint.url, seconds=settings.INBOX_LLM_SECONDS, headers=headers, body=body
        )
        outcome = _outcome(reply)
    except Failed as error:
        outcome = error.outcome
    metrics.external_call(f"llm-{endpoint.name}", outcome)
    latency = round((time.monotonic() - started) * 1000)
    return Answer(endpoint, attempt, outcome, latency, *_tokens(reply))


def _outcome(reply: dict[str, Any]) -> str:
    """yes, no, malformed; `empty` when a reasoning model ran out of tokens before it answered."""
    said = answer(reply)
    if said is not None:
        return "yes" if said else "no"
    try:
        content = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return "malformed"
    return "empty" if content is None or content == "" else "malformed"


def _tokens(reply: dict[str, Any]) -> tuple[int, int]:
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return 0, 0
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (one if isinstance(one, int) and 0 <= one < 2**31 else 0 for one in counts)
    return prompt, completion


def _endpoint(name: str, values: dict[str, str]) -> Endpoint:
    return Endpoint(
        name,
        _address(values["url"]),
        values["model"],
        values["key"],
        Decimal(values["prompt_price"]),
        Decimal(values["completion_price"]),
    )


def _address(url: str) -> str:
    """The whole address of a setting that names the server, its `/v1`, or the endpoint itself."""
    base = url.strip().rstrip("/").removesuffix("/chat/completions")
    if not base:
        return ""
    return f"{base if base.endswith('/v1') else base + '/v1'}/chat/completions"


def _breaker(endpoint: Endpoint) -> pybreaker.CircuitBreaker:
    """One an address: a model that moved is asked at once."""
    return _breakers.setdefault(
        endpoint.url,
        pybreaker.CircuitBreaker(
            fail_max=settings.INBOX_LLM_BREAKER_FAILURES,
            reset_timeout=settings.INBOX_LLM_BREAKER_SECONDS,
            throw_new_error_on_trip=False,  # the last failure is one like the others
        ),
    )
