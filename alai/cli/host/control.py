"""The watcher of the watcher: a host looks at the control plane, and tells Slack itself when that is away.

Nothing of this needs the control plane: the count of misses stands in a file, the token and the channels in the
environment. An alarm that Slack did not take is tried again with the next run.
"""

from __future__ import annotations

import os
import time

from alai.cli import quick_json
from alai.cli.http import Away, exchange
from alai.cli.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.host.memory import Memory

SLACK = "https://slack.com/api"
STEPS = ((2, "ALAI_ALARM_CHANNEL", "#ops"), (5, "ALAI_ALARM_USER", ""))  # misses, who hears, default
VITAL = ("database", "broker", "worker", "beat")  # without one of these nothing is watched or told


def watch(url: str, host: str, memory: Memory, timeout: float) -> None:
    """One look; after the second miss in a row the alarm, after the fifth the next level, and word when it is over."""
    trouble = look(url, timeout)
    known = memory.read("control", host) or {"misses": 0, "since": 0, "told": []}
    if trouble:
        since = known["since"] or time.time()
        known = {"misses": known["misses"] + 1, "since": since, "told": known["told"]}
        say(f"Control plane: {trouble} (miss {known['misses']}).")
        _raise_alarm(known, f":red_circle: Mission Control at {url} is away, seen from {host}: {trouble}")
    else:
        if known["told"]:
            length = max(1, round((time.time() - known["since"]) / 60))
            over = (
                f":large_green_circle: Mission Control at {url} is back after {length} min, seen from {host}."
            )
            known["told"] = [who for who in known["told"] if not post(who, over)]
        known = {"misses": 0, "since": known["since"] if known["told"] else 0, "told": known["told"]}
    memory.write("control", host, known)


def look(url: str, timeout: float) -> str:
    """What is wrong with the control plane in a few words; empty when it is well."""
    try:
        reply = exchange(
            url, "GET", "/health/ready", {"Accept": "application/json", "User-Agent": "alai"}, b"", timeout
        )
    except Away as away:
        return away.why
    try:
        checks = quick_json.read(reply.body)["checks"]
        bad = [f"{name} {checks[name]['detail']}" for name in VITAL if checks[name]["status"] != "ok"]
    except (ValueError, KeyError, TypeError):
        return f"it answered {reply.status} and no health"
    return "; ".join(bad)


def _raise_alarm(known: Json, text: str) -> None:
    for misses, variable, default in STEPS:
        who = os.environ.get(variable, default)
        if who and known["misses"] >= misses and who not in known["told"] and post(who, text):
            known["told"].append(who)


def post(who: str, text: str) -> bool:
    """Whether Slack took the message; a person is written to directly."""
    token = os.environ.get("SLACK_BOT_TOKEN", "")
    if not token:
        say("SLACK_BOT_TOKEN is not set: nobody can be told.")
        return False
    if who.startswith("U"):
        opened = _ask("conversations.open", {"users": who}, token)
        who = opened["channel"]["id"] if opened.get("ok") and isinstance(opened.get("channel"), dict) else who
    answer = _ask("chat.postMessage", {"channel": who, "text": text}, token)
    if not answer.get("ok"):
        say(f"Slack did not take the alarm: {answer.get('error', 'no answer')}.")
    return bool(answer.get("ok"))


def _ask(method: str, body: Json, token: str) -> Json:
    url = os.environ.get("SLACK_API_URL", SLACK)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
    try:
        reply = exchange(url, "POST", f"/{method}", headers, quick_json.write(body).encode(), 10.0)
        answer = quick_json.read(reply.body)
    except Away as away:
        return {"ok": False, "error": away.why}
    except ValueError:
        return {"ok": False, "error": "its answer is no JSON"}
    return answer if isinstance(answer, dict) else {"ok": False, "error": "its answer is no object"}
