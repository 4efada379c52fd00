"""Signals of what is said, and of what is hidden in how it is written."""

import re

from inbox.triage.scan.folding import INVISIBLE
from inbox.triage.scan.lexicon import covers
from inbox.triage.scan.view import Hits, View, hit

_FANCY = re.compile("[\U0001d400-\U0001d7ff\u2460-\u24ff\U0001f110-\U0001f189\uff21-\uff3a\uff41-\uff5a]")
_WITHIN = re.compile(
    "[A-Za-z](?:[\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\u0300-\u036f\u0730-\u074a]{2,}|[\u0730-\u074a])+[A-Za-z]"
)
_MIXED = re.compile(
    "(?=[a-z]*[\u0370-\u03ff\u0400-\u04ff])[\u0370-\u03ff\u0400-\u04ffa-z]*(?:[a-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][a-z])[\u0370-\u03ff\u0400-\u04ffa-z]*",
    re.IGNORECASE,
)
KINDS = ("account", "payment", "prize", "fortune", "crypto", "extortion", "lust", "bait", "urgency")


def said(view: View) -> Hits:
    """Phrases of phishing: one of a kind may be chance, several are not."""
    found = view.phrases
    for kind in KINDS:
        hits = found.get(kind, [])
        if hits:
            yield hit(f"says_{kind}" if len(hits) == 1 else f"says_much_{kind}", words="; ".join(hits[:4]))
    if found.get("stranger") and (found.keys() & {"account", "payment", "prize", "fortune", "crypto"}):
        yield hit("greets_a_stranger", words=found["stranger"][0])


def disguised(view: View) -> Hits:
    """Letters that look like others: for eyes the text reads well, for filters it does not."""
    heading = f"{view.mail.sender.name} {view.mail.subject}"
    if not heading.isascii():
        if len(_FANCY.findall(heading)) >= 4:
            yield hit("fancy_letters", where="subject or name")
        if _WITHIN.search(heading):
            yield hit("invisible_letters", where="subject or name")
        if _MIXED.search(heading):
            yield hit("mixed_letters", where="subject or name")
    body = view.mail.text[:20_000]
    if not body.isascii():
        if len(_FANCY.findall(body)) >= 20:
            yield hit("fancy_letters_within")
        if len(_WITHIN.findall(body)) >= 5:
            yield hit("invisible_letters_within")
        if len(_MIXED.findall(body)) >= 4:
            yield hit("mixed_letters_within")


def pictures(view: View) -> Hits:
    """A picture to click on and hardly a word: made so that nothing can be read by a filter."""
    clickable = [url for link, url in view.clicks if link.kind in ("a", "area")]
    images = view.mail.remote_images or any(item.kind == "image" for item in view.mail.attachments)
    if not clickable or not images:
        return
    count = len(INVISIBLE.sub("", view.mail.text).split())
    if count <= 12:
        yield hit("picture_only", count=count)
    elif count <= 35 and len({url.host for url in clickable}) <= 2:
        yield hit("picture_mostly", count=count)


def hidden(view: View) -> Hits:
    """Much more hidden than shown. A line of preview text is honest practice and does not count."""
    hidden_words, shown_words = len(view.mail.hidden_text.split()), len(view.mail.text.split())
    if hidden_words >= 40 and hidden_words > 2 * shown_words:
        yield hit("hidden_text", hidden=hidden_words, shown=shown_words)


def addressed(view: View) -> Hits:
    """The recipient's address where his name would stand."""
    subject = view.mail.subject.lower()
    name = view.mail.sender.name.lower()
    own = view.mail.sender.email
    if any(email in subject for email in view.recipients):
        yield hit("recipient_in_subject")
    if any(email in name and email != own for email in view.recipients):
        yield hit("recipient_as_sender")


def contacts(view: View) -> Hits:
    """A company that can be reached at a free mailbox alone."""
    if view.from_freemail or not view.sender:
        return
    mails = {
        link.href[7:].partition("?")[0].strip("<> ").lower()
        for link in view.mail.links
        if link.href[:7].lower() == "mailto:"
    }
    if (
        mails
        and not view.clicks
        and all(covers(view.hosts.freemail, mail.rpartition("@")[2]) for mail in mails)
    ):
        yield hit("mailto_freemail", address=sorted(mails)[0])


SIGNALS = (said, disguised, pictures, hidden, addressed, contacts)
