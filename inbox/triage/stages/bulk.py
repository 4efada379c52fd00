"""Newsletters and transactional mail: told by their headers and senders, to spare people and the LLM.

The patterns are data (`data/bulk.toml`), from the handbook's step 3; headers count as well, and neither counts
against somebody whom we know or who answers us (decision 3).
"""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

from inbox.mail.parsed import Parsed
from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict

EDGE = 3_000  # characters at the head and the foot of a text, where newsletters offer to leave
ENOUGH = 2  # points: one telling sender or list, or two lesser marks
_TRANSACTIONAL = Decision(
    Verdict.QUEUE, Action.TRANSACTIONAL, Classification.TRANSACTIONAL, reasons=("transactional_heuristic",)
)
_NEWSLETTER = Decision(
    Verdict.QUEUE, Action.NEWSLETTER, Classification.NEWSLETTER, reasons=("newsletter_heuristic",)
)


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    data = tomllib.loads((resources.files("inbox.triage") / "data" / "bulk.toml").read_text(encoding="utf-8"))
    return {name: re.compile("|".join(patterns), re.IGNORECASE) for name, patterns in data.items()}


def judge(sighting: Sighting) -> Outcome:
    """Decides for bulk mail of unknown senders that does not answer us."""
    known = sighting.known
    if known.contact is not None or known.partner is not None or known.replies_to_us:
        return Outcome()
    patterns = _patterns()
    sender = sighting.mail.sender.email
    marks = tuple(_marks(sighting.mail, patterns))
    points = sum(points for points, _ in marks)
    signals = tuple(signal for _, signal in marks)
    if patterns["transactional_senders"].search(sender) and points < ENOUGH:
        signal = Signal("transactional_sender", 0, f"{sender} is an address that writes notices.")
        return Outcome((*signals, signal), _TRANSACTIONAL)
    return Outcome(signals, _NEWSLETTER if points >= ENOUGH else None)


def _marks(mail: Parsed, patterns: dict[str, re.Pattern[str]]) -> Iterator[tuple[int, Signal]]:
    """Points and evidence."""
    if mail.header("list-id") or mail.header("list-post"):
        yield 2, Signal("list", 0, "A mailing list sent it.")
    elif mail.header("list-unsubscribe"):
        yield 1, Signal("list_unsubscribe", 0, "It offers to unsubscribe, as bulk senders must.")
    if mail.header("feedback-id") or mail.header("x-feedback-id"):
        yield 1, Signal("feedback_id", 0, "A Feedback-ID marks it as one of many.")
    if mail.header("precedence").strip().lower() in ("bulk", "list", "junk"):
        yield 1, Signal("precedence_bulk", 0, "Precedence says that it is one of many.")
    if patterns["newsletter_senders"].search(mail.sender.email):
        yield 2, Signal("newsletter_sender", 0, f"{mail.sender.email} is an address that writes newsletters.")
    if patterns["digest_subjects"].search(mail.subject):
        yield 2, Signal("digest_subject", 0, "Its subject is that of a digest.")
    if patterns["unsubscribe_phrases"].search(f"{mail.text[:EDGE]} \n {mail.text[-EDGE:]}"):
        yield 1, Signal("unsubscribe_phrase", 0, "Its text offers to unsubscribe.")
